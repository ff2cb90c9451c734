import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/inference/import/bundle-files.ts';
import { importModel } from '../../../src/inference/import/import-model.ts';
import { readNpy } from '../../../src/inference/import/npy.ts';
import { aFolder } from '../../support/test-node.ts';
import { bundleIn, type Entry, NETWORK, write, zip } from './bundles.ts';

function zipped(entries: readonly Entry[]): string {
  const path = join(aFolder(), 'bundle.zip');
  writeFileSync(path, zip(entries));
  return path;
}

const FINE: Entry = { name: 'b/configs/metadata.json', bytes: Buffer.from('{}') };

describe('a zip', () => {
  it.each<[string, Entry, string]>([
    ['leads out of itself', { name: 'b/../../etc/passwd', bytes: Buffer.from('x') }, 'leads out of the bundle'],
    ['is absolute', { name: '/etc/passwd', bytes: Buffer.from('x') }, 'is an absolute path'],
    ['is absolute elsewhere', { name: 'C:/windows', bytes: Buffer.from('x') }, 'is an absolute path'],
    ['has backslashes', { name: 'b\\..\\x', bytes: Buffer.from('x') }, 'has a backslash'],
    ['ends early', { name: 'b/a\0.json', bytes: Buffer.from('x') }, 'is no file name'],
    ['is a link', { name: 'b/link', bytes: Buffer.from('/etc/passwd'), mode: 0o120777 }, 'is a symbolic link'],
    ['is encrypted', { name: 'b/x', bytes: Buffer.from('x'), flags: 1 }, 'is encrypted'],
    ['is a bomb', { name: 'b/x', bytes: Buffer.alloc(10_000_000) }, 'taken for a zip bomb'],
    ['stands twice', FINE, 'stands twice'],
    ['lies deep', { name: `${'b/'.repeat(40)}x`, bytes: Buffer.from('x') }, 'lies too deep'],
    ['claims terabytes', { name: 'b/x', bytes: Buffer.from('x'), size: 0xfffffffe }, 'taken for a zip bomb'],
  ])('with an entry that %s is refused', async (_, entry, reason) => {
    await expect(openBundle(zipped([FINE, entry]))).rejects.toThrow(reason);
  });

  it('whose entry is not of the size it states is refused when it is read', async () => {
    const files = await openBundle(zipped([{ ...FINE, size: 1 }]));
    await expect(files.read('configs/metadata.json')).rejects.toThrow('cannot be unpacked to the size it states');
    await files.close();
    const more = await openBundle(zipped([{ ...FINE, size: 3 }]));
    await expect(more.read('configs/metadata.json')).rejects.toThrow('is damaged');
    await more.close();
  });

  it('that breaks off anywhere is refused, never half read', async () => {
    const whole = zip([FINE, { name: 'b/more', bytes: Buffer.from('more'.repeat(50)) }]);
    const path = join(aFolder(), 'bundle.zip');
    for (let length = 0; length < whole.length; length += 3) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(openBundle(path)).rejects.toHaveProperty('code', 'bad-model');
    }
  });

  it('of 5,000 entries is refused', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ name: `b/${i}`, bytes: Buffer.alloc(0) }));
    await expect(openBundle(zipped(many))).rejects.toThrow('more than 4096');
  });
});

describe('a folder', () => {
  it('with a link in it is refused, and one that is no bundle says what is missing', async () => {
    const folder = bundleIn(aFolder());
    symlinkSync('/etc/passwd', join(folder, 'configs', 'secrets.json'));
    await expect(openBundle(folder)).rejects.toThrow('configs/secrets.json: is a symbolic link');
    await expect(openBundle(join(folder, 'absent'))).rejects.toThrow('cannot be read');
    const empty = write(aFolder(), { 'README.md': 'nothing' });
    await expect(importModel({ bundle: empty, onnx: [NETWORK], to: aFolder() })).rejects.toThrow(
      'neither a MONAI bundle',
    );
    mkdirSync(join(empty, 'x/'.repeat(30)), { recursive: true });
    await expect(openBundle(empty)).rejects.toThrow('lies too deep');
  });
});

describe('a NumPy file', () => {
  const npy = (header: string, values: Buffer): Buffer => {
    const text = Buffer.from(`${header.padEnd(117, ' ')}\n`, 'latin1');
    const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0]);
    return Buffer.concat([start, text, values]);
  };

  it('is read where it holds float32, and refused unopened where it holds a pickle', async () => {
    const path = join(aFolder(), 'a.npy');
    const head = (type: string, shape: string, fortran = 'False') =>
      `{'descr': '${type}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;
    writeFileSync(path, npy(head('<f4', '1, 2'), Buffer.from(new Float32Array([1, 2]).buffer)));
    expect(await readNpy(path)).toMatchObject({ shape: [1, 2] });
    for (const [bytes, reason] of [
      [npy(head('|O', '1,'), Buffer.from('cos\nsystem\n')), 'pickle'],
      [npy(head('<f8', '1,'), Buffer.alloc(8)), 'not little endian float32'],
      [npy(head('<f4', '2, 2', 'True'), Buffer.alloc(16)), 'Fortran'],
      [npy(head('<f4', '65536, 65536'), Buffer.alloc(16)), '16 bytes of values'],
      [npy("__import__('os')", Buffer.alloc(4)), 'header is not one'],
      [Buffer.from('x'), 'no .npy'],
    ] as const) {
      writeFileSync(path, bytes);
      await expect(readNpy(path)).rejects.toThrow(reason);
    }
  });
});
