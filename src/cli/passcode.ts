import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { VoxgateError } from '../errors.ts';
import { hashPasscode } from '../network/passcode.ts';

export function addPasscode(program: Command): void {
  program
    .command('passcode')
    .description('read a passcode from standard input and print what stands for it under dimseUsers')
    .action(async () => {
      const passcode = (await text(process.stdin)).replace(/\r?\n$/, '');
      if (passcode === '') throw new VoxgateError('bad-request', 'the passcode is empty');
      process.stdout.write(`${await hashPasscode(Buffer.from(passcode))}\n`);
    });
}
