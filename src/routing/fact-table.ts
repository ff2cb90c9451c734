import type { Scope } from './condition.ts';

/** What kind of thing a fact is; a measure is told with its unit. */
export type FactType = 'number' | 'text' | 'flag';

export interface FactRow {
  readonly name: string;
  readonly of: Exclude<Scope, 'result'> | 'both';
  readonly type: FactType;
  /** For the documentation: what it says, and of what it is made. */
  readonly meaning: string;
  /** "a slice spacing"; of a count its plural: "slices". */
  readonly noun: string;
  readonly unit?: 'mm' | 'degrees' | 'years';
  /** A number of things. */
  readonly counted?: true;
  /** What it may be; nothing else is taken in a condition. */
  readonly words?: readonly string[];
  /** How a flag is asked for and found: yes, then no. */
  readonly flag?: { readonly asked: readonly [string, string]; readonly found: readonly [string, string] };
  /** Tells who the patient is, or nearly: never printed. */
  readonly personal?: true;
}

const count = (name: string, noun: string, meaning: string, of: FactRow['of'] = 'series'): FactRow => {
  return { name, of, type: 'number', noun, meaning, counted: true };
};
const measure = (name: string, noun: string, meaning: string, unit: FactRow['unit'] = 'mm'): FactRow => {
  return { name, of: 'series', type: 'number', noun, meaning, unit };
};
const word = (name: string, noun: string, meaning: string, words?: readonly string[]): FactRow => {
  return { name, of: 'series', type: 'text', noun, meaning, ...(words ? { words } : {}) };
};
const flag = (name: string, meaning: string, asked: [string, string], found: [string, string]): FactRow => {
  return { name, of: 'series', type: 'flag', noun: name, meaning, flag: { asked, found } };
};

/** Every fact, derived from headers alone. */
export const FACTS: readonly FactRow[] = [
  count('images', 'images', 'Instances of the series.'),
  count('frames', 'frames', 'Frames of all its instances.'),
  count(
    'stacks',
    'stacks of slices',
    'Groups of images that lie parallel and belong together (echoes, phases, directions).',
  ),
  count('slices', 'slices', 'Different places along the normal in its largest stack.'),
  count('gaps', 'gaps', 'Steps between neighbouring slices that are longer than one and a half times the usual one.'),
  measure('spacing.slice', 'a slice spacing', 'Usual step between neighbouring slices, along their normal.'),
  measure('spacing.row', 'a row spacing', 'Between rows: first value of Pixel Spacing.'),
  measure('spacing.column', 'a column spacing', 'Between columns: second value of Pixel Spacing.'),
  measure('thickness', 'a slice thickness', 'Slice Thickness; the greatest, where they differ.'),
  measure('fov.width', 'a field of view of a width', 'Columns times their spacing.'),
  measure('fov.height', 'a field of view of a height', 'Rows times their spacing.'),
  measure('fov.depth', 'a field of view of a depth', 'From the first slice to the last, and one spacing.'),
  measure(
    'tilt',
    'a tilt',
    'Angle between the normal of the slices and the line their first pixels lie on.',
    'degrees',
  ),
  word('orientation', 'an orientation', 'Of the planes: oblique from 20 degrees off the nearest axis.', [
    'axial',
    'sagittal',
    'coronal',
    'oblique',
  ]),
  word('kernel', 'a kernel', 'Of the Convolution Kernel, by the names of the vendors.', ['soft', 'sharp']),
  word('vendor', 'a vendor', 'Of Manufacturer, by its usual short name: siemens, ge, philips, canon, …'),
  word(
    'bodyPart',
    'a body part',
    'Body Part Examined and Anatomic Region, brought to one word: chest, abdomen, head, …',
  ),
  word('laterality', 'a laterality', 'Image Laterality or Laterality.', ['left', 'right', 'both', 'unpaired']),
  flag(
    'localizer',
    'Image Type says so in every image, or Series Description calls it so.',
    ['a localizer', 'no localizer'],
    ['this series is a localizer', 'this series is no localizer'],
  ),
  flag(
    'contrast',
    'An agent is named in Contrast/Bolus Agent or its sequence, in every image; unknown where only some say so.',
    ['images with contrast agent', 'images without contrast agent'],
    ['its images name a contrast agent', 'its images name no contrast agent'],
  ),
  flag(
    'burnedIn',
    'Burned In Annotation; unknown where no image says.',
    ['burned-in annotation', 'no burned-in annotation'],
    ['this series has burned-in annotation', 'this series has no burned-in annotation'],
  ),
  flag(
    'colour',
    'More than one sample a pixel, or a palette.',
    ['colour images', 'grey images'],
    ['these are in colour', 'these are grey'],
  ),
  flag(
    'derived',
    'Image Type begins with DERIVED, in every image.',
    ['derived images', 'original images'],
    ['these are derived', 'these are original'],
  ),
  flag(
    'synthetic',
    'Synthetic Data (0008,001C) is YES in any image.',
    ['synthetic data', 'data that are not synthetic'],
    ['these are synthetic', 'these are not synthetic'],
  ),
  flag(
    'own',
    'Made by a Voxgate: Manufacturer’s Model Name or Contributing Equipment names one.',
    ['results of this node', 'no results of this node'],
    ['these are results of this node', 'these are not'],
  ),
  {
    ...measure('age', 'a patient of an age', 'Patient’s Age, or years from birth to study.', 'years'),
    of: 'both',
    personal: true,
  },
  count('study.series', 'series', 'Series of the study that have come to rest.', 'study'),
  count('study.images', 'images', 'Instances of those.', 'study'),
  {
    name: 'study.priority',
    of: 'study',
    type: 'text',
    noun: 'a priority',
    meaning: 'Requested Procedure Priority (0040,1003) of the study or of its order.',
    words: ['stat', 'high', 'routine', 'medium', 'low'],
  },
];

const byName = new Map(FACTS.map((fact) => [fact.name, fact]));

export function factOf(name: string): FactRow | undefined {
  return byName.get(name);
}
