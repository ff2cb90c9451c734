// Reading the header of a CT slice, pixels left where they are: this project's reader beside dcmjs, in one process.
import dcmjs from 'dcmjs';
import { CT_IMAGE, ctSeries, fileHead } from './dicom.mjs';

const SECONDS = 1;

/** @returns {Promise<Record<'voxgate' | 'dcmjs', () => { units: number, seconds: number }>>} */
export async function headerReaders() {
  // Compiled code: Node 20 does not run TypeScript.
  const { bufferSource, parsePart10 } = await import(new URL('../dist/src/dicom/parse.js', import.meta.url).href);
  dcmjs.log.setLevel('silent');
  const [slice] = ctSeries({ slices: 1 });
  const file = Buffer.concat([fileHead(CT_IMAGE, slice.sop), slice.dataSet]);
  const memory = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const readers = {
    voxgate: () => parsePart10(bufferSource(file)).dataset['00080018'].Value[0],
    dcmjs: () =>
      dcmjs.data.DicomMessage.readFile(memory, { untilTag: '7FE00010', includeUntilTagValue: false }).dict['00080018']
        .Value[0],
  };
  for (const [name, read] of Object.entries(readers))
    if (read() !== slice.sop) throw new Error(`${name} reads another SOP Instance UID`);
  return Object.fromEntries(Object.entries(readers).map(([name, read]) => [name, () => repeat(read)]));
}

function repeat(read) {
  const before = performance.now();
  let units = 0;
  while (performance.now() - before < SECONDS * 1000) for (let i = 0; i < 20; i++, units++) read();
  return { units, seconds: (performance.now() - before) / 1000 };
}
