import express, { type Router } from 'express';
import { type RefusedReport, readCallers, readRefused } from '../catalog/callers.ts';
import type { Database } from '../catalog/database.ts';

/** The most that one answer names. */
const MOST = 200;

/** Our certificate, as the DIMSE door shows it. */
export interface TlsReport {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** Negative once it has expired. */
  readonly daysLeft: number;
  readonly fingerprint: string;
  /** Whether callers must show one: required, optional or none. */
  readonly clientCertificates: string;
  /** Why files that have changed were not taken. */
  readonly fault: string | null;
}

/** Who called the DIMSE door, who was turned away, what was agreed with the others; and how it shows itself. */
export function callerRoutes(database: Database, tls: () => TlsReport | undefined): Router {
  const router = express.Router();

  router.get('/api/tls', (_request, response) => {
    response.json({ tls: tls() ?? null });
  });

  router.get('/api/callers', async (_request, response) => {
    const [refused, known] = await Promise.all([readRefused(database, MOST), readCallers(database, MOST)]);
    response.json({
      refused: refused.map((caller) => ({ ...caller, allow: howToAllow(caller) })),
      known: known.map(({ negotiation: _, ...caller }) => caller),
    });
  });

  router.get('/api/callers/:ae', async (request: express.Request<{ ae: string }>, response) => {
    const { ae } = request.params;
    const [refused, known] = await Promise.all([readRefused(database, MOST, ae), readCallers(database, MOST, ae)]);
    if (refused.length + known.length === 0) {
      response.status(404).json({ error: 'nobody has called under that AE title' });
      return;
    }
    response.json({
      callingAe: ae,
      known,
      refused: refused.map((caller) => ({ ...caller, allow: howToAllow(caller) })),
    });
  });
  return router;
}

/** What to change, in the words of the settings file, so that a caller is let in the next time. */
export function howToAllow({ kind, callingAe, address, fingerprint, subject }: RefusedReport): string {
  const title = JSON.stringify(callingAe);
  if (kind === 'unknown') {
    const name = JSON.stringify(callingAe.toLowerCase().replace(/[^a-z0-9]+/g, '-') || 'caller');
    const proof = fingerprint === '' ? '' : `, "fingerprint": ${JSON.stringify(fingerprint)}`;
    return `add to "peers": ${name}: { "aeTitle": ${title}, "addresses": [${JSON.stringify(address)}]${proof} }`;
  }
  if (kind === 'address') return `add ${JSON.stringify(address)} to "addresses" of the peer with "aeTitle": ${title}`;
  if (kind === 'certificate')
    return fingerprint === ''
      ? `have the peer with "aeTitle": ${title} call by TLS with its certificate, or remove "fingerprint" from it`
      : `set "fingerprint": ${JSON.stringify(fingerprint)} of the peer with "aeTitle": ${title}`;
  if (kind === 'called') return 'set the AE title that the caller calls to that of this node (VOXGATE_AE_TITLE)';
  if (kind === 'identity') return 'give the caller a user name and passcode of "dimseUsers", or a token that is taken';
  if (kind === 'tls')
    return subject === ''
      ? 'give the caller a certificate, and TLS 1.2 or 1.3'
      : 'add the certificate authority of the caller to the file VOXGATE_TLS_CA names';
  return 'nothing: it was told to call again later';
}
