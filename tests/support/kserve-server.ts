import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A server of the Open Inference Protocol with these ONNX models, in a process of its own; loopback. */
export async function startKserveServer(
  models: Readonly<Record<string, string>>,
): Promise<{ url: string; stop(): void }> {
  const script = fileURLToPath(new URL('./kserve-server.mjs', import.meta.url));
  const child = fork(
    script,
    Object.entries(models).map(([name, path]) => `${name}=${path}`),
    {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  const [port] = await once(child.stdout!, 'data');
  return { url: `http://127.0.0.1:${String(port).trim()}`, stop: () => void child.kill('SIGKILL') };
}
