import { fileURLToPath } from 'node:url';

/**
 * The compiled file of a module that runs in a process of its own. Compiled code names its neighbour; under a test
 * runner, which reads the TypeScript sources, the neighbour is taken from `dist` (Node 20 cannot run TypeScript).
 *
 * @param from `import.meta.url` of the caller
 * @param file the neighbour, such as './lane-process.ts'
 */
export function spawnable(from: string, file: string): string {
  const path = fileURLToPath(new URL(file, from));
  if (!from.endsWith('.ts')) return path.replace(/\.ts$/, '.js');
  const at = path.lastIndexOf('/src/');
  return `${path.slice(0, at)}/dist${path.slice(at)}`.replace(/\.ts$/, '.js');
}
