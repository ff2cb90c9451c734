#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = new URL('../dist/src/cli/voxgate.js', import.meta.url);
if (!existsSync(fileURLToPath(program))) {
  process.stderr.write('voxgate is not built yet: run "npm run build" (or "npm start", which builds)\n');
  process.exit(1);
}
await import(program.href);
