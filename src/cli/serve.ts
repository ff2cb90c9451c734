import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { createLog } from '../log.ts';
import { type Node, startNode } from '../main.ts';
import { isReachable } from '../peer-settings.ts';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('open the DIMSE and HTTP doors; Ctrl-C or SIGTERM drains and stops')
    .action(async () => {
      const settings = loadSettings();
      const log = createLog(settings.logLevel);
      const node = await startNode(settings, log);
      process.stdout.write(screen(node));
      log.info({ dimse: node.dimsePort, http: node.httpPort, models: node.library.models.length }, 'ready');
      await stopSignal();
      log.info('stopping: no more callers; what is under way is finished');
      await node.stop();
      log.info('stopped');
      // A job that did not end in time was given back; what is left of it here does not keep the process.
      process.exit();
    });
}

const STOP_SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** npx, npm and systemd hand a signal on that we have heard already: only one that comes later is a person's. */
const ECHO_MS = 1000;

/** Resolves when we are asked to stop; who asks again does not want to wait. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked: number | undefined;
    for (const [signal, number] of Object.entries(STOP_SIGNALS)) {
      process.on(signal, () => {
        if (asked !== undefined && performance.now() - asked > ECHO_MS) process.exit(128 + number);
        asked ??= performance.now();
        resolve();
      });
    }
  });
}

/** Where to send, where to look, which models are live. */
function screen({ settings, library, dimsePort, dimseTlsPort, httpPort }: Node): string {
  const base = `http://${settings.http.host.includes(':') ? `[${settings.http.host}]` : settings.http.host}:${httpPort}`;
  const models = library.models.map(({ manifest }) => `${manifest.id} ${manifest.version}  ${manifest.title}`);
  const broken = library.broken.map(({ folder }) => `LEFT OUT  ${folder} (see the log)`);
  const peers = settings.peers
    .filter(isReachable)
    .map((peer) => `${peer.name}  ${peer.dicomweb ?? `${peer.aeTitle} at ${peer.host}:${peer.port}`}`);
  const doors = [
    ...(settings.dimse ? [`${settings.aeTitle} at ${settings.dimse.host}:${dimsePort} (C-STORE)`] : []),
    ...(settings.dimseTls ? [`${settings.aeTitle} at ${settings.dimseTls.host}:${dimseTlsPort} (C-STORE by TLS)`] : []),
  ];
  return `
  Voxgate is ready. It is not a diagnostic device: results are for research until you have validated them.

  Send to     ${list(doors, '')}
              ${base}/dicom-web/studies (STOW-RS)
  Look at     ${base}/ and, for images, ${base}/viewer/
  Models      ${list([...models, ...broken], 'none in the model library')}
  Results to  ${list(peers, 'nobody: name a peer in voxgate.config.json; results stay here and can be queried')}
  Data        ${settings.data}${settings.databaseUrl === undefined ? ' (with an embedded PostgreSQL)' : ''}
  Stop        Ctrl-C

`;
}

function list(lines: readonly string[], none: string): string {
  return lines.length === 0 ? none : lines.join(`\n${' '.repeat(14)}`);
}
