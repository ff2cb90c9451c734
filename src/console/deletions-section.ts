import type { Hold } from '../catalog/deletions-holds.ts';
import type { DeletionReport } from '../catalog/deletions-list.ts';

/** How the status page writes tables, times and text. */
interface Page {
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[], empty: string) => string;
  readonly clock: (time: Date | null) => string;
  readonly escapeHtml: (text: string) => string;
}

/** What was deleted, by whom and why, how long it can be undone; and which studies may not be. */
export function deletionsSection(deletions: readonly DeletionReport[], holds: readonly Hold[], page: Page): string {
  const { table, clock, escapeHtml } = page;
  const code = (uid: string): string => `<code>${escapeHtml(uid)}</code>`;
  const rows = deletions.map((deletion) => [
    String(deletion.id),
    clock(deletion.deletedAt),
    `${escapeHtml(deletion.reason)} <span class="note">(${escapeHtml(deletion.deletedBy)})</span>`,
    String(deletion.instances),
    escapeHtml(stateOf(deletion, clock)),
    code(deletion.sopInstanceUid ?? deletion.seriesInstanceUid ?? deletion.studyInstanceUid),
  ]);
  const held = holds.map(({ heldAt, reason, heldBy, studyInstanceUid }) => [
    clock(heldAt),
    `${escapeHtml(reason)} <span class="note">(${escapeHtml(heldBy)})</span>`,
    code(studyInstanceUid),
  ]);
  return [
    table(['No.', 'Deleted', 'Why', 'Objects', 'State', 'What'], rows, 'Nothing has been deleted.'),
    ...(held.length === 0 ? [] : [table(['On hold since', 'Why', 'Study'], held, '')]),
  ].join('\n');
}

function stateOf({ waiting, undone, purged, purgeAfter }: DeletionReport, clock: Page['clock']): string {
  const parts = [
    waiting > 0 ? `${waiting} can be brought back until ${clock(purgeAfter)}` : '',
    undone > 0 ? `${undone} brought back` : '',
    purged > 0 ? `${purged} removed` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
