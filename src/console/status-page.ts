import type { AnalysisReport } from '../catalog/analyses.ts';
import type { RefusedReport } from '../catalog/callers.ts';
import type { Hold } from '../catalog/deletions-holds.ts';
import type { DeletionReport } from '../catalog/deletions-list.ts';
import type { Totals } from '../catalog/overview.ts';
import type { KeptApart } from '../catalog/reconcile.ts';
import type { PeerSettings, Settings } from '../config.ts';
import type { ModelLibrary } from '../inference/model-library.ts';
import type { TlsReport } from './callers.ts';
import { callersSection, tlsSection } from './callers-section.ts';
import { deletionsSection } from './deletions-section.ts';
import { VIEWER_PATH } from './viewer.ts';

export interface StatusPage {
  readonly settings: Settings;
  readonly library: ModelLibrary;
  readonly totals: Totals;
  readonly analyses: readonly AnalysisReport[];
  readonly conflicts: readonly KeptApart[];
  readonly deletions: readonly DeletionReport[];
  readonly holds: readonly Hold[];
  readonly refused: readonly RefusedReport[];
  readonly tls: TlsReport | undefined;
}

/** What came in, what ran, what went out, what failed and why: one page, no script, no patient. */
export function statusPage({
  settings,
  library,
  totals,
  analyses,
  conflicts,
  deletions,
  holds,
  refused,
  tls,
}: StatusPage): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Voxgate ${escapeHtml(settings.aeTitle)}</title><meta http-equiv="refresh" content="10">
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b2430; background: #fbfcfd }
  h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
  table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dde3ea; vertical-align: top }
  code { font-size: .85em; overflow-wrap: anywhere } .failed { color: #a40000; font-weight: 600 } .delivered { color: #11632b } .note { color: #55606e }
</style></head><body>
<h1>Voxgate <span class="note">${escapeHtml(settings.aeTitle)}</span></h1>
<p><a href="${VIEWER_PATH}">Viewer</a> · <a href="/api/openapi.json">API</a></p>
<p class="note">Not a diagnostic device. Results are for research until you have validated them.</p>
<p>${totals.studies} studies, ${totals.series} series, ${totals.instances} instances, ${(totals.bytes / 1e6).toFixed(1)} MB.</p>
<h2>Analyses</h2>
${table(['Received', 'Model', 'State', 'What became of it', 'Series'], analyses.map(analysisRow), 'Nothing has been analysed yet.')}
<h2>Kept apart</h2>
${table(['Received', 'Reason', 'SOP Instance UID'], conflicts.map(conflictRow), 'No object came with a SOP Instance UID that was taken.')}
<h2>Deleted</h2>
${deletionsSection(deletions, holds, { table, clock, escapeHtml })}
<h2>Refused callers</h2>
${callersSection(refused, { table, clock, escapeHtml })}
${tlsSection(tls, { table, clock, escapeHtml })}
<h2>Models</h2>
${table(['Model', 'Version', 'What it is'], modelRows(library), 'The model library is empty.')}
<h2>Peers</h2>
${table(
  ['Name', 'Address'],
  settings.peers.map((peer) => [escapeHtml(peer.name), escapeHtml(peer.dicomweb ?? addressOf(peer))]),
  'No peer is configured: results stay in this node.',
)}
</body></html>
`;
}

/** A peer without a host only calls us. */
function addressOf({ aeTitle, host, port, tls }: PeerSettings): string {
  return host === undefined ? `${aeTitle} calls only` : `${aeTitle} at ${host}:${port}${tls ? ' by TLS' : ''}`;
}

function analysisRow(analysis: AnalysisReport): string[] {
  return [
    clock(analysis.receivedAt),
    escapeHtml(`${analysis.modelId} ${analysis.modelVersion}`),
    `<span class="${escapeHtml(analysis.state)}">${escapeHtml(analysis.state)}</span>`,
    escapeHtml(analysis.reason),
    `<a href="/api/series/${encodeURIComponent(analysis.seriesInstanceUid)}/analyses"><code>${escapeHtml(analysis.seriesInstanceUid)}</code></a> <a href="${viewerOf(analysis.studyInstanceUid)}">view</a>`,
  ];
}

/** The study in the viewer's mode for segmentations, which shows what a model has drawn. */
function viewerOf(studyInstanceUid: string): string {
  return `${VIEWER_PATH}segmentation?StudyInstanceUIDs=${encodeURIComponent(studyInstanceUid)}`;
}

function conflictRow(conflict: KeptApart): string[] {
  return [
    clock(conflict.receivedAt),
    escapeHtml(conflict.reason),
    `<code>${escapeHtml(conflict.sopInstanceUid)}</code>`,
  ];
}

function modelRows({ models, broken }: ModelLibrary): string[][] {
  return [
    ...models.map(({ manifest }) => [
      escapeHtml(manifest.id),
      escapeHtml(manifest.version),
      escapeHtml(manifest.title),
    ]),
    ...broken.map(({ folder, reason }) => [
      escapeHtml(folder),
      '<span class="failed">left out</span>',
      escapeHtml(reason),
    ]),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return `<p class="note">${empty}</p>`;
  const cells = (tag: string, values: readonly string[]) =>
    `<tr>${values.map((value) => `<${tag}>${value}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table>`;
}

function clock(time: Date | null): string {
  return time === null ? '' : time.toISOString().slice(0, 19).replace('T', ' ');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
