import type { Vr } from './dataset.ts';
import { dictionaryEntries } from './dcmjs.ts';

/** One attribute of the data dictionary (PS3.6 Section 6). */
export interface Attribute {
  /** Eight upper-case hexadecimal digits. */
  readonly tag: string;
  readonly keyword: string;
  readonly vr: Vr;
  /** Set where PS3.6 leaves a choice; `vr` is then what implicit VR data most often mean. */
  readonly choice?: 'US or SS' | 'OB or OW' | 'US or OW';
}

/** PS3.5 Section 6.2, Table 6.2-1. */
export const VRS = [
  ...(['AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FD', 'FL', 'IS', 'LO', 'LT', 'OB', 'OD', 'OF', 'OL', 'OV'] as const),
  ...(['OW', 'PN', 'SH', 'SL', 'SQ', 'SS', 'ST', 'SV', 'TM', 'UC', 'UI', 'UL', 'UN', 'UR', 'US', 'UT', 'UV'] as const),
] satisfies readonly Vr[];

const vrs: ReadonlySet<string> = new Set(VRS);

/** Whether the text is one of the Value Representations of PS3.5 Section 6.2. */
export function isVr(text: string): text is Vr {
  return vrs.has(text);
}

const CHOICES: Readonly<Record<string, Pick<Attribute, 'vr' | 'choice'>>> = {
  xs: { vr: 'US', choice: 'US or SS' },
  ox: { vr: 'OW', choice: 'OB or OW' },
  lt: { vr: 'OW', choice: 'US or OW' },
  up: { vr: 'UL' },
};

/** Where dcmjs's dictionary is not as PS3.6 prints it; pydicom's and DCMTK's agree with this. */
const CORRECTIONS: Readonly<Record<string, Pick<Attribute, 'keyword' | 'vr'>>> = {
  '00221642': { keyword: 'NumberOfBscansPerFrame', vr: 'UL' },
  '0040A803': { keyword: 'NumberOfTableColumns', vr: 'UL' },
  '00660040': { keyword: 'LongPrimitivePointIndexList', vr: 'OL' },
  '00660041': { keyword: 'LongTrianglePointIndexList', vr: 'OL' },
  '00660042': { keyword: 'LongEdgePointIndexList', vr: 'OL' },
  '00660043': { keyword: 'LongVertexPointIndexList', vr: 'OL' },
  '006862F0': { keyword: 'ViewOrientationModifierCodeSequence', vr: 'SQ' },
  '00701305': { keyword: 'Plane', vr: 'FD' },
  '00701306': { keyword: 'PlaneNormal', vr: 'FD' },
  '0070150C': { keyword: 'NumberOfVolumetricCurvePoints', vr: 'UL' },
  '00760034': { keyword: 'ComponentTypeCodeSequence', vr: 'SQ' },
  '300A0131': { keyword: 'AverageBeamDosePointSourceToExternalContourDistance', vr: 'FL' },
  '40101029': { keyword: 'ThreatDetectionAlgorithmAndVersion', vr: 'LO' },
};

/** Retired attributes of which PS3.6 numbers the elements, "(0028,04x0)". */
const REPEATING_ELEMENTS: readonly (readonly [RegExp, string, Vr])[] = [
  [/^002031..$/, 'SourceImageIDs', 'CS'],
  [/^002804.0$/, 'RowsForNthOrderCoefficients', 'US'],
  [/^002804.1$/, 'ColumnsForNthOrderCoefficients', 'US'],
  [/^002804.2$/, 'CoefficientCoding', 'LO'],
  [/^002804.3$/, 'CoefficientCodingPointers', 'AT'],
  [/^002808.0$/, 'CodeLabel', 'CS'],
  [/^002808.2$/, 'NumberOfTables', 'US'],
  [/^002808.3$/, 'CodeTableLocation', 'AT'],
  [/^002808.4$/, 'BitsForCodeWord', 'US'],
  [/^002808.8$/, 'ImageDataLocation', 'AT'],
  [/^1000(?!0000)...0$/, 'EscapeTriplet', 'US'],
  [/^1000...1$/, 'RunLengthTriplet', 'US'],
  [/^1000...2$/, 'HuffmanTableSize', 'US'],
  [/^1000...3$/, 'HuffmanTableTriplet', 'US'],
  [/^1000...4$/, 'ShiftTableSize', 'US'],
  [/^1000...5$/, 'ShiftTableTriplet', 'US'],
  [/^1010(?!0000)....$/, 'ZonalMap', 'US'],
];

const byTag = new Map<string, Attribute>();
const byKeyword = new Map<string, Attribute>();
for (const { tag: punctuated, vr, name } of dictionaryEntries()) {
  const tag = punctuated.slice(1, 5) + punctuated.slice(6, 10);
  const retired = name.startsWith('RETIRED_');
  const keyword = retired ? name.slice('RETIRED_'.length) : name;
  const kind = isVr(vr) ? { vr } : CHOICES[vr];
  if (kind === undefined) continue; // item and delimitation tags have no VR (PS3.5 Section 7.5)
  const attribute: Attribute = { tag, keyword, ...kind, ...CORRECTIONS[tag] };
  byTag.set(tag, attribute);
  if (!retired || !byKeyword.has(attribute.keyword)) byKeyword.set(attribute.keyword, attribute);
}

/** The attribute of that tag (eight upper-case hexadecimal digits); none for private and unknown tags. */
export function attributeOf(tag: string): Attribute | undefined {
  const exact = byTag.get(tag);
  if (exact !== undefined) return exact;
  return repeatingGroup(tag);
}

/** Repeating groups 50xx, 60xx and 7Fxx (PS3.5 Section 7.6) and elements; only even groups, odd ones are private. */
function repeatingGroup(tag: string): Attribute | undefined {
  const element = REPEATING_ELEMENTS.find(([pattern]) => pattern.test(tag));
  if (element !== undefined) return { tag, keyword: element[1], vr: element[2] };
  const group = Number.parseInt(tag.slice(0, 4), 16);
  const range = group & 0xff00;
  if ((range !== 0x5000 && range !== 0x6000 && range !== 0x7f00) || group % 2 === 1 || group > 0x7fdf) return undefined;
  const first = byTag.get(`${tag.slice(0, 2)}00${tag.slice(4)}`);
  return first === undefined ? undefined : { ...first, tag };
}

/** The tag of a keyword of PS3.6, as eight upper-case hexadecimal digits. */
export function tagOf(keyword: string): string | undefined {
  return byKeyword.get(keyword)?.tag;
}

/** Every keyword of PS3.6. */
export function allKeywords(): Iterable<string> {
  return byKeyword.keys();
}

/** The keyword of a tag; none for private and unknown tags. */
export function keywordOf(tag: string): string | undefined {
  return attributeOf(tag)?.keyword;
}

/**
 * The VR of a tag: by PS3.6, UL for group lengths, LO for private creators (PS3.5 Section 7.8.1). Where PS3.6 leaves a
 * choice: US for "US or SS", OW for "OB or OW" and "US or OW". None for private and unknown tags.
 */
export function vrOf(tag: string): Vr | undefined {
  const known = attributeOf(tag);
  if (known !== undefined) return known.vr;
  if (tag.endsWith('0000')) return 'UL';
  return isPrivateCreator(tag) ? 'LO' : undefined;
}

/** (gggg,0010) to (gggg,00FF) of an odd group (PS3.5 Section 7.8.1). */
export function isPrivateCreator(tag: string): boolean {
  return isPrivate(tag) && tag.startsWith('00', 4) && tag.slice(6) >= '10';
}

/** Whether the tag belongs to an odd group (PS3.5 Section 7.8). */
export function isPrivate(tag: string): boolean {
  return Number.parseInt(tag.slice(3, 4), 16) % 2 === 1;
}

/** Whether the text has the form of a tag: eight hexadecimal digits. */
export function isTag(text: string): boolean {
  return /^[0-9A-Fa-f]{8}$/.test(text);
}

/** The tag of a keyword, or the tag itself given as eight hexadecimal digits (then in upper case). */
export function tagOfKeywordOrTag(text: string): string | undefined {
  return tagOf(text) ?? (isTag(text) ? text.toUpperCase() : undefined);
}
