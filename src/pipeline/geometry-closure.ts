import type { JsonDataset } from '../dicom/dataset.ts';
import { number, numbers, text } from '../dicom/read-values.ts';

/** What the places of a series' images say of whether one is missing. */
export interface Closure {
  /** `closed`: even steps and no hole; `holes`: steps that are missing; `single`: each image stands for itself. */
  readonly kind: 'closed' | 'holes' | 'single' | 'unknown';
  /** For a person. */
  readonly because: string;
}

/** Images of these stand for themselves, however many a series has (projections, photographs, clips). */
const STANDS_ALONE = new Set([
  'CR',
  'DX',
  'MG',
  'IO',
  'PX',
  'RG',
  'XC',
  'OP',
  'ES',
  'GM',
  'SM',
  'US',
  'XA',
  'RF',
  'ECG',
  'SR',
  'DOC',
]);
/** With fewer, an even step proves nothing. */
const LEAST_PLACES = 5;
/** Steps are even within this share, or this many mm: positions are written with few digits. */
const EVEN_SHARE = 0.02;
const EVEN_MM = 0.02;
const HOLE_SHARE = 0.1;

/**
 * Looks at Image Position and Orientation (Patient) (PS3.3 C.7.6.2.1.1) alone: the places along the normal of each
 * orientation, how even their steps are, and whether each place has as many images (echoes, phases) as the others.
 */
export function closureOf(datasets: readonly JsonDataset[]): Closure {
  const [first] = datasets;
  if (!first) return { kind: 'unknown', because: 'nothing is there' };
  const modality = text(first, 'Modality') ?? '';
  if (STANDS_ALONE.has(modality)) return { kind: 'single', because: `an image of ${modality} stands for itself` };
  if (datasets.length === 1 && (number(first, 'NumberOfFrames') ?? 1) > 1)
    return { kind: 'single', because: 'it is one multi-frame object' };
  const stacks = stacksOf(datasets);
  if (!stacks) return { kind: 'unknown', because: 'not every image says where it lies' };
  const closures = stacks.map(closureOfStack);
  return (
    closures.find(({ kind }) => kind === 'holes') ??
    closures.find(({ kind }) => kind === 'unknown') ??
    closures.reduce((most, one) => (one.places > most.places ? one : most))
  );
}

/** Distances along the normal, of the images of each orientation; undefined where one has no place. */
function stacksOf(datasets: readonly JsonDataset[]): number[][] | undefined {
  const stacks = new Map<string, number[]>();
  for (const dataset of datasets) {
    const position = numbers(dataset, 'ImagePositionPatient');
    const [rx, ry, rz, cx, cy, cz] = numbers(dataset, 'ImageOrientationPatient');
    const normal = [ry! * cz! - rz! * cy!, rz! * cx! - rx! * cz!, rx! * cy! - ry! * cx!];
    const distance = normal.reduce((sum, n, i) => sum + n * position[i]!, 0);
    if (!Number.isFinite(distance)) return undefined;
    const key = normal.map((n) => n.toFixed(2).replace('-0.00', '0.00')).join(' ');
    stacks.set(key, [...(stacks.get(key) ?? []), distance]);
  }
  return [...stacks.values()];
}

function closureOfStack(distances: readonly number[]): Closure & { readonly places: number } {
  const { places, counts } = placesOf(distances);
  const unknown = (because: string) => ({ kind: 'unknown' as const, because, places: places.length });
  if (places.length < LEAST_PLACES) return unknown(`${places.length} places prove no even step`);
  const steps = places.slice(1).map((place, i) => place - places[i]!);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  const uneven = steps.filter((step) => Math.abs(step - usual) > Math.max(EVEN_MM, EVEN_SHARE * usual));
  const most = Math.max(...counts);
  const missing =
    uneven.filter((step) => step > 1.5 * usual && Math.abs(step / usual - Math.round(step / usual)) < HOLE_SHARE)
      .length + counts.filter((count) => count < most).length;
  if (missing > 0)
    return { kind: 'holes', because: `images seem to be missing at ${missing} of its places`, places: places.length };
  if (uneven.length > 0) return unknown('its steps are not even');
  return {
    kind: 'closed',
    because: `${places.length} places ${usual.toFixed(2)} mm apart without a hole`,
    places: places.length,
  };
}

/** Distinct places in order, and how many images each has. */
function placesOf(distances: readonly number[]): { places: number[]; counts: number[] } {
  const places: number[] = [];
  const counts: number[] = [];
  for (const distance of [...distances].sort((a, b) => a - b)) {
    const before = places.at(-1);
    if (before !== undefined && distance - before < EVEN_MM) counts[counts.length - 1]! += 1;
    else {
      places.push(distance);
      counts.push(1);
    }
  }
  return { places, counts };
}
