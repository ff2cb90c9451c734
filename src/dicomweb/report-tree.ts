import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, text, texts } from '../dicom/read-values.ts';
import { sopClassName } from '../dicom/sop-classes.ts';

/** One content item of a structured report (PS3.3 C.17.3), as it is read by people. */
export interface ReportItem {
  /** What it is about; empty where it has no concept name. */
  readonly name: string;
  /** Lines of its value; none for a container. */
  readonly value: readonly string[];
  readonly items: readonly ReportItem[];
}

/** Deeper or longer documents are broken off, and say so: they are made by mistake or to do harm. */
const DEEPEST = 48;
const MOST_ITEMS = 20_000;

export interface Report {
  readonly title: string;
  /** Whose it is and how far it is, each a name and a value. */
  readonly heading: readonly (readonly [name: string, value: string])[];
  readonly root: ReportItem;
}

/** The tree of a structured report or key object selection. */
export function reportOf(dataset: JsonDataset): Report {
  const count = { left: MOST_ITEMS };
  const root = itemOf(dataset, count, 0);
  const flag = (name: string): string => text(dataset, name) ?? '';
  const heading: readonly (readonly [string, string])[] = [
    ['Patient', (text(dataset, 'PatientName') ?? '').split('=').filter(Boolean).map(spacedName).join(' / ')],
    ['Patient ID', text(dataset, 'PatientID') ?? ''],
    ['Birth date', dated(text(dataset, 'PatientBirthDate') ?? '')],
    [
      'Study',
      [dated(text(dataset, 'StudyDate') ?? ''), text(dataset, 'StudyDescription') ?? ''].filter(Boolean).join(' '),
    ],
    ['Content date', dated(text(dataset, 'ContentDate') ?? '')],
    ['Institution', text(dataset, 'InstitutionName') ?? ''],
    ['Completion', flag('CompletionFlag')],
    ['Verification', flag('VerificationFlag')],
  ];
  return { title: root.name || 'Structured report', heading: heading.filter(([, value]) => value !== ''), root };
}

function itemOf(item: JsonDataset, count: { left: number }, depth: number): ReportItem {
  const children: ReportItem[] = [];
  for (const child of items(item, 'ContentSequence')) {
    if (depth >= DEEPEST || count.left <= 0) {
      children.push({ name: '', value: ['(the report goes on; the rest is not shown)'], items: [] });
      break;
    }
    count.left -= 1;
    children.push(itemOf(child, count, depth + 1));
  }
  return { name: meaningOf(items(item, 'ConceptNameCodeSequence')[0]), value: spokenValue(item), items: children };
}

function meaningOf(code: JsonDataset | undefined): string {
  return (code && (text(code, 'CodeMeaning') ?? text(code, 'CodeValue'))) ?? '';
}

function spokenValue(item: JsonDataset): string[] {
  switch (text(item, 'ValueType')?.trim()) {
    case 'CONTAINER':
      return [];
    case 'TEXT':
      // Over a megabyte it is bulk data.
      if (item['0040A160']?.BulkDataURI !== undefined) return ['(a text too long to be shown here)'];
      return (text(item, 'TextValue') ?? '').split(/\r\n|\r|\n/);
    case 'CODE':
      return [meaningOf(items(item, 'ConceptCodeSequence')[0])];
    case 'NUM':
      return [measured(item)];
    case 'PNAME':
      return [spacedName(text(item, 'PersonName') ?? '')];
    case 'DATE':
      return [dated(text(item, 'Date') ?? '')];
    case 'TIME':
      return [text(item, 'Time') ?? ''];
    case 'DATETIME':
      return [text(item, 'DateTime') ?? ''];
    case 'UIDREF':
      return [text(item, 'UID') ?? ''];
    case 'IMAGE':
    case 'COMPOSITE':
    case 'WAVEFORM':
      return items(item, 'ReferencedSOPSequence').map(reference);
    case 'SCOORD':
    case 'SCOORD3D':
      return [`${text(item, 'GraphicType') ?? 'graphic'} (${texts(item, 'GraphicData').length} numbers)`];
    case 'TCOORD':
      return [`${text(item, 'TemporalRangeType') ?? 'temporal'} coordinates`];
    case undefined:
      return [`see item ${texts(item, 'ReferencedContentItemIdentifier').join('.')}`];
    default:
      return [`(a value of type ${text(item, 'ValueType')})`];
  }
}

function measured(item: JsonDataset): string {
  const [value] = items(item, 'MeasuredValueSequence');
  if (!value) {
    const why = meaningOf(items(item, 'NumericValueQualifierCodeSequence')[0]);
    return why === '' ? '(no value)' : `(no value: ${why})`;
  }
  const [unit] = items(value, 'MeasurementUnitsCodeSequence');
  const symbol = (unit && text(unit, 'CodeValue')) ?? '';
  // UCUM: "1" is no unit, and what stands in braces is only a remark.
  const shown = symbol === '1' ? '' : /^\{.*\}$/.test(symbol) ? symbol.slice(1, -1) : symbol;
  return [text(value, 'NumericValue') ?? '', shown].filter(Boolean).join(' ');
}

function reference(sop: JsonDataset): string {
  const sopClass = text(sop, 'ReferencedSOPClassUID') ?? '';
  const frame = number(sop, 'ReferencedFrameNumber');
  const name = sopClassName(sopClass)?.replace(/ Storage$/, '') ?? 'Object';
  return `${name} ${text(sop, 'ReferencedSOPInstanceUID') ?? ''}${frame === undefined ? '' : `, frame ${frame}`}`;
}

function spacedName(name: string): string {
  return name.replace(/\^+$/, '').split('^').filter(Boolean).join(' ');
}

function dated(date: string): string {
  return /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date;
}
