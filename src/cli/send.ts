import { closeSync, openSync, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { fileSource, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { openPeer } from '../peers/open-peers.ts';
import type { OutgoingObject } from '../peers/peer.ts';
import { peerAddress } from './peer-address.ts';

/** Objects that go over one association: bounds what waits in memory. */
const GROUP = 20;

export function addSend(program: Command): void {
  program
    .command('send <peer> <paths...>')
    .description('send DICOM files, or all files of folders, as they are')
    .action(async (name: string, paths: readonly string[]) => {
      const settings = loadSettings();
      const peer = openPeer(peerAddress(name, settings), settings.aeTitle);
      const files = (await Promise.all(paths.map(filesUnder))).flat();
      const objects: OutgoingObject[] = [];
      let unreadable = 0;
      for (const file of files) {
        try {
          objects.push(outgoing(file));
        } catch (error) {
          unreadable += 1;
          process.stderr.write(`${file}: ${sentenceOf(error)}\n`);
        }
      }
      for (let at = 0; at < objects.length; at += GROUP) await peer.store(objects.slice(at, at + GROUP));
      process.stdout.write(`${objects.length} sent to ${name}\n`);
      if (unreadable > 0 || objects.length === 0)
        throw new VoxgateError('not-dicom', `${unreadable} of ${files.length} files are not DICOM and were not sent`);
    });
}

async function filesUnder(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function outgoing(path: string): OutgoingObject {
  const fd = openSync(path, 'r');
  try {
    const { dataset, meta, transferSyntaxUid, dataSetOffset } = parsePart10(fileSource(fd, statSync(path).size));
    const sopClassUid = text(dataset, 'SOPClassUID') ?? text(meta, 'MediaStorageSOPClassUID');
    const sopInstanceUid = text(dataset, 'SOPInstanceUID') ?? text(meta, 'MediaStorageSOPInstanceUID');
    if (!sopClassUid || !sopInstanceUid)
      throw new VoxgateError('unidentifiable', 'no SOP Class UID or SOP Instance UID');
    return { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSetOffset, readFile: () => readFile(path) };
  } finally {
    closeSync(fd);
  }
}
