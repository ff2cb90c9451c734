import type { RefusedReport } from '../catalog/callers.ts';
import { howToAllow, type TlsReport } from './callers.ts';

/** How the status page writes tables, times and text. */
interface Page {
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[], empty: string) => string;
  readonly clock: (time: Date | null) => string;
  readonly escapeHtml: (text: string) => string;
}

/** Who was turned away at the DIMSE door, why, and what to write so that it is let in. */
export function callersSection(refused: readonly RefusedReport[], page: Page): string {
  const { table, clock, escapeHtml } = page;
  const rows = refused.map((caller) => [
    clock(caller.lastSeen),
    escapeHtml([caller.callingAe, caller.address].filter(Boolean).join(' from ')),
    `${escapeHtml(caller.reason)} <span class="note">(${caller.times} times)</span>`,
    `<code>${escapeHtml(howToAllow(caller))}</code>`,
  ]);
  return table(['Last', 'Caller', 'Why', 'To let it in'], rows, 'Nobody was turned away.');
}

/** Our certificate; nothing without TLS. */
export function tlsSection(tls: TlsReport | undefined, { clock, escapeHtml }: Page): string {
  if (!tls) return '';
  const { daysLeft, fault } = tls;
  const state =
    daysLeft < 0
      ? '<span class="failed">has expired</span>'
      : daysLeft < SOON_DAYS
        ? `<span class="failed">expires in ${daysLeft} days</span>`
        : `expires in ${daysLeft} days`;
  const stale = fault === null ? '' : `<p class="failed">Changed TLS files are not in use: ${escapeHtml(fault)}</p>`;
  return `<h2>TLS</h2>
<p>The certificate ${escapeHtml(tls.subject)} of ${escapeHtml(tls.issuer)} ${state} (${clock(tls.validTo)}).</p>${stale}`;
}

const SOON_DAYS = 30;
