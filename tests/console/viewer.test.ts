import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aFolder, aNode } from '../support/test-node.ts';

/** A package as scripts/viewer.mjs leaves it, with two files instead of two hundred. */
function aViewer(): string {
  const folder = join(aFolder(), 'viewer');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><script>one</script><script src="/viewer/app.bundle.00112233445566778899.js"></script><script>two</script>',
  );
  writeFileSync(join(folder, 'app.bundle.00112233445566778899.js'), 'run()');
  return folder;
}

describe('the viewer', () => {
  it('is served with a policy that lets it ask this node alone, and run no script but its own', async () => {
    const node = await aNode({ viewer: aViewer() });
    const page = await fetch(`${node.http}/viewer/`);
    expect(await page.text()).toContain('/viewer/app.bundle');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("connect-src 'self' blob: data:");
    expect(policy.match(/'sha256-[A-Za-z0-9+/]{43}='/g)).toHaveLength(2);
    expect(policy).not.toMatch(/https?:|\*/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('keeps what has a digest in its name, and asks for the page again', async () => {
    const node = await aNode({ viewer: aViewer() });
    const script = await fetch(`${node.http}/viewer/app.bundle.00112233445566778899.js`);
    expect(await script.text()).toBe('run()');
    expect(script.headers.get('cache-control')).toContain('immutable');
    expect((await fetch(`${node.http}/viewer/`)).headers.get('cache-control')).toBe('no-cache');
  });

  it('answers the addresses that only its script knows with the page', async () => {
    const node = await aNode({ viewer: aViewer() });
    const page = await fetch(`${node.http}/viewer/viewer?StudyInstanceUIDs=1.2.3`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<!doctype html>');
  });

  it('is told where the DICOMweb of this node is, and of no other host', async () => {
    const node = await aNode({ viewer: aViewer() });
    const settings = await (await fetch(`${node.http}/viewer/app-config.js`)).text();
    expect(settings).toContain('"wadoRoot": "/dicom-web"');
    expect(settings).toContain('"routerBasename": "/viewer"');
    expect(settings).not.toMatch(/https?:/);
  });

  it('gives no file from outside its folder', async () => {
    const viewer = aViewer();
    writeFileSync(join(viewer, '..', 'secret.txt'), 'secret');
    const node = await aNode({ viewer });
    for (const path of ['..%2fsecret.txt', '%2e%2e/secret.txt', '..%5csecret.txt', '%00']) {
      const answer = await fetch(`${node.http}/viewer/${path}`);
      expect(await answer.text(), path).not.toContain('secret');
    }
  });

  it('says how to install it where it is not', async () => {
    const node = await aNode({ viewer: join(aFolder(), 'none') });
    const answer = await fetch(`${node.http}/viewer/`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('node scripts/viewer.mjs');
  });
});
