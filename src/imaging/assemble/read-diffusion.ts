import { items, numbers, text } from '../../dicom/read-values.ts';
import type { Vec3 } from '../grid.ts';
import { length, scale } from '../vector.ts';
import type { FrameGroups } from './functional-groups.ts';
import { type PrivateAttribute, privateNumbers } from './private-values.ts';

const SIEMENS = { group: '0019', creator: 'SIEMENS MR HEADER' } as const;
const SIEMENS_B: PrivateAttribute = { ...SIEMENS, element: '0C', unknownAs: 'text' };
const SIEMENS_DIRECTION: PrivateAttribute = { ...SIEMENS, element: '0E', unknownAs: 'float64' };
const GE_B: PrivateAttribute = { group: '0043', creator: 'GEMS_PARM_01', element: '39', unknownAs: 'text' };
const PHILIPS = { group: '2001', creator: 'Philips Imaging DD 001' } as const;
const PHILIPS_B: PrivateAttribute = { ...PHILIPS, element: '03', unknownAs: 'float32' };

/** GE adds this to a b-value to say that it was reached in several steps. */
const GE_MARK = 1_000_000_000;

/** b-value (s/mm²) and gradient direction: PS3.3 C.8.13.5.9, and what vendors wrote before it. */
export function diffusionOf(frame: FrameGroups): { readonly bValue?: number; readonly gradient?: Vec3 } {
  const { dataset } = frame;
  const macro = frame.group('MRDiffusionSequence') ?? dataset;
  const ge = privateNumbers(dataset, GE_B)[0];
  const bValue =
    frame.number('MRDiffusionSequence', 'DiffusionBValue') ??
    finite(privateNumbers(dataset, SIEMENS_B)[0]) ??
    finite(privateNumbers(dataset, PHILIPS_B)[0]) ??
    (ge === undefined ? undefined : finite(ge % GE_MARK));
  if (bValue === undefined) return {};
  if (bValue === 0 || text(macro, 'DiffusionDirectionality')?.trim() === 'ISOTROPIC') return { bValue };
  const direction = firstOf(
    ...items(macro, 'DiffusionGradientDirectionSequence').map((item) => numbers(item, 'DiffusionGradientOrientation')),
    numbers(macro, 'DiffusionGradientOrientation'),
    privateNumbers(dataset, SIEMENS_DIRECTION),
  );
  return direction === undefined ? { bValue } : { bValue, gradient: direction };
}

function firstOf(...candidates: readonly (readonly number[])[]): Vec3 | undefined {
  for (const values of candidates) {
    const [x = Number.NaN, y = Number.NaN, z = Number.NaN] = values;
    const size = length([x, y, z]);
    if (values.length === 3 && size > 1e-6) return scale([x, y, z], 1 / size);
  }
  return undefined;
}

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) && value >= 0 ? value : undefined;
