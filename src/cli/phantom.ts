import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { loadSettings } from '../config.ts';
import { VoxgateError } from '../errors.ts';
import { phantomStudy } from '../imaging/phantom-study.ts';
import { openPeer } from '../peers/open-peers.ts';
import { outgoingFile } from './outgoing-file.ts';
import { peerAddress } from './peer-address.ts';

interface Options {
  readonly slices: number;
  readonly size: number;
  readonly spacing?: number;
  readonly seed: number;
  readonly out?: string;
  readonly send?: string;
}

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
      const settings = options.send === undefined ? undefined : loadSettings();
      const peer = settings && openPeer(peerAddress(options.send ?? '', settings), settings.aeTitle);
      const folder = options.out ?? (await mkdtemp(join(tmpdir(), 'voxgate-phantom-')));
      try {
        const { seriesInstanceUid, files } = await writeSlices(folder, options);
        await peer?.store(files.map(outgoingFile));
        process.stdout.write(`${files.length} slices, SeriesInstanceUID ${seriesInstanceUid}\n`);
      } finally {
        if (options.out === undefined) await rm(folder, { recursive: true, force: true });
      }
    });
}

/** To files, also where they are only to be sent: a large phantom does not fit into memory. */
async function writeSlices(
  folder: string,
  { slices, size, seed, spacing }: Options,
): Promise<{ seriesInstanceUid: string; files: string[] }> {
  const files: string[] = [];
  let series = '';
  await mkdir(folder, { recursive: true });
  const given = spacing === undefined ? {} : { sliceSpacing: spacing };
  for (const { sopInstanceUid, seriesInstanceUid, bytes } of phantomStudy({
    slices,
    rows: size,
    columns: size,
    seed,
    ...given,
  })) {
    series = seriesInstanceUid;
    files.push(join(folder, `${sopInstanceUid}.dcm`));
    await writeFile(files.at(-1)!, bytes);
  }
  return { seriesInstanceUid: series, files };
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
