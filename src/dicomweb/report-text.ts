import type { Report, ReportItem } from './report-tree.ts';

/** A report as a page of its own: headings, paragraphs and lists; no script, no address of anything else. */
export function reportHtml({ title, heading, root }: Report): string {
  const rows = heading.map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`);
  return [
    '<!DOCTYPE html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escaped(title)}</h1>`,
    `<table>${rows.join('')}</table>`,
    itemsHtml(root.items),
    '</body></html>',
    '',
  ].join('\n');
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:50em;padding:0 1em}' +
  'th{text-align:left;padding-right:1.5em;font-weight:600}ul{padding-left:1.4em}li{margin:.2em 0}b{font-weight:600}';

function itemsHtml(items: readonly ReportItem[]): string {
  return items.length === 0 ? '' : `<ul>\n${items.map(itemHtml).join('')}</ul>\n`;
}

function itemHtml({ name, value, items }: ReportItem): string {
  const said = value.map(escaped).join('<br>');
  const label = name === '' ? '' : `<b>${escaped(name)}</b>${said === '' ? '' : ': '}`;
  return `<li>${label}${said}${itemsHtml(items)}</li>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that means nothing to a browser but itself. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!).replace(CONTROLS, '\ufffd');
}

/** Controls but for tab and line ends: no HTML may hold them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** A report as plain text, each level further in. */
export function reportText({ title, heading, root }: Report): string {
  const lines = [title, '='.repeat(title.length), ...heading.map(([name, value]) => `${name}: ${value}`), ''];
  const write = ({ name, value, items }: ReportItem, depth: number): void => {
    const indent = '  '.repeat(depth);
    const [first = '', ...more] = value;
    lines.push(`${indent}${[name, first].filter(Boolean).join(': ')}`, ...more.map((line) => `${indent}  ${line}`));
    for (const item of items) write(item, depth + 1);
  };
  for (const item of root.items) write(item, 0);
  return `${lines.join('\n')}\n`;
}
