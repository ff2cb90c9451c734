import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { openPeer } from '../peers/open-peers.ts';
import { peerAddress } from './peer-address.ts';

export function addEcho(program: Command): void {
  program
    .command('echo <peer>')
    .description('ask a peer whether it answers (C-ECHO, or a QIDO-RS query)')
    .action(async (name: string) => {
      const settings = loadSettings();
      await openPeer(peerAddress(name, settings), settings.aeTitle).echo();
      process.stdout.write(`${name} answers\n`);
    });
}
