import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, numbers, text } from '../dicom/read-values.ts';
import { describeStacks } from '../imaging/assemble/assemble-stacks.ts';
import type { ImageHeader } from '../imaging/assemble/image-header.ts';
import { imageHeaderOf } from '../imaging/assemble/read-frames.ts';
import type { Facts, FactValues } from './facts.ts';
import { ageOf } from './read-term.ts';
import { bodyPartOf, kernelClass, lateralityOf, vendorOf } from './vocabulary.ts';

/** Names by which a Voxgate says that an object is of its making. */
const OWN_MODEL_NAME = 'Voxgate';

/**
 * What is known of a series from the headers of its images alone.
 * @param datasets one an instance, in any order
 * @param headers the same, as assembly reads them
 */
export function seriesFacts(
  datasets: readonly JsonDataset[],
  headers: readonly ImageHeader[] = datasets.map((one) => imageHeaderOf(one, '')),
): Facts {
  const stacks = describeStacks(headers);
  const [largest] = stacks;
  const placed = largest?.slices ? largest : undefined;
  const [first = {}] = datasets;
  const spacing = spacingOf(first);
  const values: FactValues = {
    images: datasets.length,
    frames: datasets.reduce((sum, one) => sum + Math.max(1, number(one, 'NumberOfFrames') ?? 1), 0),
    stacks: placed && stacks.length,
    slices: placed?.slices,
    gaps: placed?.gaps,
    'spacing.slice': rounded(placed?.sliceSpacing),
    'spacing.row': spacing?.[0],
    'spacing.column': spacing?.[1],
    thickness: greatest(datasets.flatMap((one) => inGroups(one, 'SliceThickness'))),
    'fov.width': product(spacing?.[1], number(first, 'Columns')),
    'fov.height': product(spacing?.[0], number(first, 'Rows')),
    'fov.depth': rounded(placed?.fieldOfView?.[2]),
    tilt: placed && placed.slices > 1 ? rounded(placed.tilt) : undefined,
    orientation: placed?.orientation,
    kernel: agreed(datasets.map((one) => kernelClass(text(one, 'ConvolutionKernel')))),
    vendor: agreed(datasets.map((one) => vendorOf(text(one, 'Manufacturer')))),
    bodyPart: agreed(datasets.map(bodyPartOf)),
    laterality: agreed(datasets.map(lateralityOf)),
    localizer: (stacks.length > 0 && stacks.every((stack) => stack.localizer)) || isCalledLocalizer(first),
    contrast: agreed(datasets.map(hasContrast)),
    burnedIn: burnedIn(datasets),
    colour: datasets.some(isColour),
    derived: stacks.length > 0 && stacks.every((stack) => stack.derived),
    synthetic: datasets.some((one) => text(one, 'SyntheticData') === 'YES'),
    own: isOwn(first),
    age: ageOf(first)[0],
    'study.priority': priorityOf(first),
  };
  return { subject: 'series', datasets, values, unknown: unknownIn(values) };
}

const OF_PLANES = ['stacks', 'slices', 'gaps', 'spacing.slice', 'fov.depth', 'tilt', 'orientation'];

function unknownIn(values: FactValues): Readonly<Record<string, string>> {
  const why = values['slices'] === 1 ? 'it has one slice only' : 'its images do not say where they lie';
  const reasons: Record<string, string> = {};
  for (const name of OF_PLANES) if (values[name] === undefined) reasons[name] = why;
  if (values['burnedIn'] === undefined) reasons['burnedIn'] = 'its images do not say';
  if (values['bodyPart'] === undefined) reasons['bodyPart'] = 'its images name none, or several';
  if (values['kernel'] === undefined) reasons['kernel'] = 'its images name none that is known, or several';
  if (values['contrast'] === undefined) reasons['contrast'] = 'only some of its images name an agent';
  if (values['age'] === undefined) reasons['age'] = 'neither the age nor the birth date is told';
  for (const name of ['spacing.row', 'spacing.column', 'fov.width', 'fov.height', 'thickness'])
    if (values[name] === undefined) reasons[name] = 'its images do not say';
  return reasons;
}

/** What all images say alike; nothing where one says otherwise or nothing. */
function agreed<T>(values: readonly (T | undefined)[]): T | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

function hasContrast(dataset: JsonDataset): boolean {
  const agent = text(dataset, 'ContrastBolusAgent')?.trim() ?? '';
  const named = agent !== '' && !/^(no|none|n|without|ohne|0)$/i.test(agent);
  return named || items(dataset, 'ContrastBolusAgentSequence').length > 0;
}

/** Many devices do not say it in Image Type, but all name the series so. */
function isCalledLocalizer(dataset: JsonDataset): boolean {
  return /\b(locali[sz]er|scout|topogram|surview|scanogram)\b/i.test(text(dataset, 'SeriesDescription') ?? '');
}

/** YES in any image is yes; NO has to be said in all. */
function burnedIn(datasets: readonly JsonDataset[]): boolean | undefined {
  const said = datasets.map((one) => text(one, 'BurnedInAnnotation'));
  if (said.includes('YES')) return true;
  return said.every((one) => one === 'NO') ? false : undefined;
}

function isColour(dataset: JsonDataset): boolean {
  return (
    (number(dataset, 'SamplesPerPixel') ?? 1) > 1 || text(dataset, 'PhotometricInterpretation') === 'PALETTE COLOR'
  );
}

/** Its own results, and those of another Voxgate, come back from peers: they are never routed again (loop guard). */
function isOwn(dataset: JsonDataset): boolean {
  const equipment = [dataset, ...items(dataset, 'ContributingEquipmentSequence')];
  return equipment.some((one) => text(one, 'ManufacturerModelName') === OWN_MODEL_NAME);
}

/** Between rows, then between columns, mm. */
function spacingOf(dataset: JsonDataset): readonly [number, number] | undefined {
  const written = inGroups(dataset, 'PixelSpacing');
  const [row, column] = written.length >= 2 ? written : numbers(dataset, 'ImagerPixelSpacing');
  return row !== undefined && column !== undefined && row > 0 && column > 0 ? [row, column] : undefined;
}

/** Requested Procedure Priority (0040,1003), which some devices copy from the worklist. */
function priorityOf(dataset: JsonDataset): string | undefined {
  const places = [dataset, ...items(dataset, 'RequestAttributesSequence')];
  return places.map((one) => text(one, 'RequestedProcedurePriority')?.trim().toLowerCase()).find((said) => said);
}

/** To a micrometre: coordinates are written with a few decimals. */
function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1000) / 1000;
}

/** From the data set itself, else from the Pixel Measures of an enhanced object (PS3.3 C.7.6.16.2.1). */
function inGroups(dataset: JsonDataset, keyword: string): number[] {
  const own = numbers(dataset, keyword).filter(Number.isFinite);
  if (own.length > 0) return own;
  const groups = ['SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence'].flatMap((sequence) =>
    items(dataset, sequence).slice(0, 1),
  );
  const measures = groups.flatMap((group) => items(group, 'PixelMeasuresSequence'));
  return measures.map((one) => numbers(one, keyword).filter(Number.isFinite)).find((found) => found.length > 0) ?? [];
}

function greatest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((most, value) => Math.max(most, value));
}

function product(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : rounded(a * b);
}
