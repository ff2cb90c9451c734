import type { VoxgateError } from '../../errors.ts';
import type { Gate, GeometryPolicy, InputSlot } from '../model-manifest.ts';
import { plainName } from './anatomy-codes.ts';
import type { GivenCodes } from './codes-file.ts';

/** What a bundle says of the images it takes. */
export interface DescribedInput {
  /** One name a channel that is a volume of its own; a colour image has one name. */
  readonly names: readonly string[];
  /** As the bundle writes it: "CT", "MR", "Mammogram"; one for all, or one a channel. */
  readonly modalities: readonly string[];
  readonly kind: InputSlot['kind'];
}

/** Modality (0008,0060) and the units of its values, by the words that bundles use. */
const MODALITIES: Readonly<Record<string, { readonly modality: string; readonly units?: InputSlot['units'] }>> = {
  ct: { modality: 'CT', units: 'HU' },
  // Bq/ml or SUV, and of which kind: no bundle says.
  pt: { modality: 'PT' },
  pet: { modality: 'PT' },
  mr: { modality: 'MR', units: 'any' },
  mri: { modality: 'MR', units: 'any' },
  'mr t1': { modality: 'MR', units: 'any' },
  t1: { modality: 'MR', units: 'any' },
  t1c: { modality: 'MR', units: 'any' },
  t1ce: { modality: 'MR', units: 'any' },
  t1w: { modality: 'MR', units: 'any' },
  t2: { modality: 'MR', units: 'any' },
  t2w: { modality: 'MR', units: 'any' },
  flair: { modality: 'MR', units: 'any' },
  adc: { modality: 'MR', units: 'any' },
  mammogram: { modality: 'MG', units: 'any' },
  mammography: { modality: 'MG', units: 'any' },
  mg: { modality: 'MG', units: 'any' },
  us: { modality: 'US', units: 'any' },
  ultrasound: { modality: 'US', units: 'any' },
  endoscopy: { modality: 'ES', units: 'any' },
};

/** A bundle says nothing of defects: none is accepted until who runs the model says so in model.json. */
const STRICT: GeometryPolicy = { minimumSlices: 1, tilt: 'refuse', spacing: 'refuse', duplicates: 'refuse' };

/**
 * The slots of a model. Which series fills a slot is said by the codes file, or follows from the modality where no other
 * slot has the same: otherwise nothing in a bundle says which series is which.
 * @throws VoxgateError bad-model, built by `refuse`, with a sentence that shows how to say it
 */
export function inputSlots(
  { names, modalities, kind }: DescribedInput,
  codes: GivenCodes,
  refuse: (reason: string) => VoxgateError,
): InputSlot[] {
  const knownOf = (i: number) => MODALITIES[plainName(modalities[i] ?? modalities[0] ?? '')];
  const distinct = new Set(names.map((_, i) => knownOf(i)?.modality)).size === names.length;
  return names.map((name, i) => {
    const slot = slotName(name, i);
    const known = knownOf(i);
    const given = codes.slot(name) ?? codes.slot(slot);
    const gates = given?.gates ?? (known && distinct ? [modalityGate(known.modality)] : undefined);
    if (gates === undefined) throw refuse(unsaid(name, known?.modality, names.length));
    if (known && known.units === undefined && given?.units === undefined) throw refuse(unitsUnsaid(name));
    return {
      slot,
      gates,
      units: given?.units ?? known?.units ?? 'any',
      kind,
      geometry: { ...STRICT, minimumSlices: kind === 'volume' ? 2 : 1 },
      missing: 'refuse',
      waitSeconds: names.length > 1 ? 600 : 0,
    };
  });
}

function modalityGate(modality: string): Gate {
  return { when: { Modality: modality }, otherwise: `The model was made for Modality ${modality}.` };
}

function unsaid(name: string, modality: string | undefined, count: number): string {
  const example =
    modality === 'MR' || count > 1
      ? '{ "Modality": "MR" }, "otherwise": "Needs an MR series." }, { "when": { "SeriesDescription": "T1" }'
      : '{ "Modality": "XA" }';
  return (
    `${count > 1 ? `of ${count} inputs, which series is` : 'which series may be'} "${name}" is not said. Give it with ` +
    `--codes, for example { "slots": { ${JSON.stringify(name)}: { "gates": [{ "when": ${example}, ` +
    '"otherwise": "This series is not what the model needs." }] } } }'
  );
}

function unitsUnsaid(name: string): string {
  return (
    `in which units "${name}" goes in is not said. Give them with --codes, for example { "slots": { ` +
    `${JSON.stringify(name)}: { "units": "SUVbw" } } }`
  );
}

function slotName(name: string, index: number): string {
  const plain = plainName(name).replaceAll(' ', '-').slice(0, 32).replace(/-$/, '');
  return plain === '' ? `input-${index + 1}` : plain;
}
