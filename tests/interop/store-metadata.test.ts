import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { items, text } from '../../src/dicom/read-values.ts';
import { ask } from '../dicomweb/client.ts';
import { hasPrograms, runProgram } from '../support/programs.ts';
import { type ExpectedRow, expectedRows, hasSharedData, sharedData } from '../support/shared-data.ts';
import { aFolder, aNode } from '../support/test-node.ts';

const ready = hasSharedData && hasPrograms('dcm2json', 'dcm2xml', 'dcmdump');

const NATIVE = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99'];

/** Images without compression, each SOP Instance UID once. */
function nativeRows(): ExpectedRow[] {
  const seen = new Set<string>();
  return expectedRows().filter(({ file, pydicom, SOPInstanceUID, TransferSyntaxUID, pixel_sha256 }) => {
    if (pydicom !== 'ok' || !pixel_sha256 || !SOPInstanceUID || seen.has(SOPInstanceUID)) return false;
    if (!NATIVE.includes(TransferSyntaxUID!) || !/^(transfer-syntaxes|images|sr-seg)\//.test(file!)) return false;
    seen.add(SOPInstanceUID);
    return statSync(sharedData(file!)).size < 1_500_000;
  });
}

/** What DCMTK makes of a file, its pixels in the text. */
async function written(model: 'json' | 'xml', file: string): Promise<string | undefined> {
  const out = join(aFolder(), `model.${model}`);
  const { code } =
    model === 'json'
      ? await runProgram('dcm2json', ['-q', file, out])
      : await runProgram('dcm2xml', ['-q', '-nat', '+Xn', '+Eb', file, out]);
  return code === 0 ? readFileSync(out, 'utf8') : undefined;
}

describe.skipIf(!ready)('Metadata that DCMTK has written, uploaded by STOW-RS (PS3.18 10.5.1)', () => {
  it.each(['json', 'xml'] as const)(
    'as %s: DCMTK reads the object, and its pixels are those of the file',
    async (model) => {
      const node = await aNode({ models: [] });
      const root = `http://127.0.0.1:${node.httpPort}`;
      const unwritten: string[] = [];
      let exact = 0;
      for (const row of nativeRows()) {
        const body = await written(model, sharedData(row['file']!));
        if (body === undefined) {
          unwritten.push(row['file']!);
          continue;
        }
        // Its XML has words in big endian, against PS3.19 A.1.5 and unlike its JSON: bytes alone can be compared.
        if (model === 'xml' && !/tag="7FE00010" vr="OB"/.test(body)) continue;
        const answer = await ask(root, '/dicom-web/studies', {
          method: 'POST',
          headers: { 'content-type': `application/dicom+${model}`, accept: 'application/dicom+json' },
          body,
        });
        const [reference] = items(JSON.parse(answer.text), 'ReferencedSOPSequence');
        expect([row['file'], reference ? 'stored' : `${answer.text} ${answer.headers['warning']}`]).toEqual([
          row['file'],
          'stored',
        ]);
        const back = await ask(root, new URL(text(reference!, 'RetrieveURL')!).pathname, {
          headers: { accept: 'application/dicom; transfer-syntax=*' },
        });
        const { pixelData } = parsePart10(bufferSource(back.body));
        const pixels = back.body.subarray(pixelData!.offset, pixelData!.offset + Number(row['pixel_bytes']));
        expect([row['file'], createHash('sha256').update(pixels).digest('hex')]).toEqual([
          row['file'],
          row['pixel_sha256'],
        ]);
        const file = join(aFolder(), 'object.dcm');
        writeFileSync(file, back.body);
        const dump = await runProgram('dcmdump', ['-q', file]);
        expect([row['file'], dump.code, dump.output.includes('E:')]).toEqual([row['file'], 0, false]);
        exact += 1;
      }
      expect(unwritten.length).toBeLessThan(4);
      expect(exact).toBeGreaterThan(model === 'json' ? 20 : 2);
    },
  );
});
