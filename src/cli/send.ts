import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { openPeer } from '../peers/open-peers.ts';
import type { OutgoingObject } from '../peers/peer.ts';
import { filesUnder } from './files-under.ts';
import { outgoingFile } from './outgoing-file.ts';
import { peerAddress } from './peer-address.ts';

export function addSend(program: Command): void {
  program
    .command('send <peer> <paths...>')
    .description('send DICOM files, or all files of folders, as they are')
    .action(async (name: string, paths: readonly string[]) => {
      const settings = loadSettings();
      const peer = openPeer(peerAddress(name, settings), settings.aeTitle);
      const files = (await Promise.all(paths.map(filesUnder))).flat();
      if (files.length === 0) throw new VoxgateError('bad-request', `no file under ${paths.join(', ')}`);
      const objects: OutgoingObject[] = [];
      let unreadable = 0;
      for (const file of files) {
        try {
          objects.push(outgoingFile(file));
        } catch (error) {
          unreadable += 1;
          process.stderr.write(`${file}: ${sentenceOf(error)}\n`);
        }
      }
      // All of them over one association: a pause between two could settle a series before it is whole.
      await peer.store(objects);
      if (objects.length > 0) process.stdout.write(`${objects.length} sent to ${name}\n`);
      if (unreadable > 0)
        throw new VoxgateError('not-dicom', `${unreadable} of ${files.length} files are not DICOM and were not sent`);
    });
}
