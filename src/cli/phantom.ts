import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { loadSettings } from '../config.ts';
import { bufferSource, parsePart10 } from '../dicom/parse.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { phantomStudy } from '../imaging/phantom-study.ts';
import { openPeer } from '../peers/open-peers.ts';
import type { OutgoingObject } from '../peers/peer.ts';
import { peerAddress } from './peer-address.ts';

interface Options {
  readonly slices: number;
  readonly size: number;
  readonly spacing?: number;
  readonly seed: number;
  readonly out?: string;
  readonly send?: string;
}

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';

export function addPhantom(program: Command): void {
  program
    .command('phantom')
    .description('make a synthetic chest CT, to commission the whole chain without patient data')
    .option('--slices <n>', 'how many', wholeNumber(1, 5000), 120)
    .option('--size <pixels>', 'rows and columns', wholeNumber(64, 2048), 512)
    .option('--spacing <mm>', 'between slices; by default the slices spread over 300 mm of chest', millimetres)
    .option('--seed <n>', 'another seed makes another patient and study', wholeNumber(0, 2 ** 31), 1)
    .option('--out <folder>', 'write the files there')
    .option('--send <peer>', 'send it to a peer, such as dicom://VOXGATE@127.0.0.1:11112')
    .action(async (options: Options) => {
      if (!options.out && !options.send)
        throw new VoxgateError('bad-request', 'phantom: say --out <folder> or --send <peer>');
      const study = phantomStudy({
        slices: options.slices,
        rows: options.size,
        columns: options.size,
        seed: options.seed,
        ...(options.spacing === undefined ? {} : { sliceSpacing: options.spacing }),
      });
      const objects: OutgoingObject[] = [];
      let series = '';
      if (options.out) await mkdir(options.out, { recursive: true });
      for (const { sopInstanceUid, seriesInstanceUid, bytes } of study) {
        series = seriesInstanceUid;
        if (options.out) await writeFile(join(options.out, `${sopInstanceUid}.dcm`), bytes);
        if (options.send) {
          const { dataSetOffset } = parsePart10(bufferSource(bytes));
          objects.push({
            sopClassUid: CT_IMAGE_STORAGE,
            sopInstanceUid,
            transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN,
            dataSetOffset,
            readFile: () => Promise.resolve(bytes),
          });
        }
      }
      if (options.send) {
        const settings = loadSettings();
        await openPeer(peerAddress(options.send, settings), settings.aeTitle).store(objects);
      }
      process.stdout.write(`${options.slices} slices, SeriesInstanceUID ${series}\n`);
    });
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < least || number > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
    return number;
  };
}

function millimetres(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number <= 100)) throw new InvalidArgumentError('millimetres, above 0 and at most 100');
  return number;
}
