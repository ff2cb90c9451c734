import type { JsonDataset } from '../dicom/dataset.ts';
import { items, text } from '../dicom/read-values.ts';

/** Short names by what Manufacturer (0008,0070) begins with or holds. */
const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/siemens/i, 'siemens'],
  [/^g\.?e\.?(?![a-z])|general electric/i, 'ge'],
  [/philips|marconi|picker/i, 'philips'],
  [/toshiba|canon/i, 'canon'],
  [/hitachi|fujifilm|fuji/i, 'fujifilm'],
  [/agfa/i, 'agfa'],
  [/carestream|kodak/i, 'carestream'],
  [/hologic|lorad/i, 'hologic'],
  [/united imaging|^uih/i, 'uih'],
  [/samsung|neurologica/i, 'samsung'],
  [/bruker/i, 'bruker'],
];

/** One short word; what is not known by one is given as it is, in lower case. */
export function vendorOf(manufacturer: string | undefined): string | undefined {
  const name = manufacturer?.trim();
  if (!name) return undefined;
  return VENDORS.find(([pattern]) => pattern.test(name))?.[1] ?? name.toLowerCase();
}

/**
 * Kernels by class. Siemens: B, Br, Hr, … and a number, smooth below 50, sharp from 50 on (its own user guides call 50 and
 * above "sharp"); Bl (lung) is sharp. GE, Philips and Canon name theirs.
 */
const KERNELS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /^(?:[BHITUJD][a-z]?)(\d\d)\d?[fhsmaieuq]?(?:[\\_ ]|$)/i,
    ([, strength]) => (Number(strength) >= 50 ? 'sharp' : 'soft'),
  ],
  [/^(bone ?plus|bone|edge|lung|detail|ultra|chst|yc|yd|yf|d|e|l|sharp|ultra ?sharp)(?:[\\_ ]|$)/i, () => 'sharp'],
  [/^(soft|standard|stnd|std|smooth|a|b|c|uc|ub|brain|abdomen)(?:[\\_ ]|$)/i, () => 'soft'],
  [/^FC(\d\d)/i, ([, number]) => (isSharpCanon(Number(number)) ? 'sharp' : 'soft')],
];

/** Canon and Toshiba: FC30 and FC5x are for bone and lung, FC8x for the inner ear and lung. */
function isSharpCanon(number: number): boolean {
  return (number >= 30 && number <= 39) || (number >= 50 && number <= 59) || number >= 80;
}

/** "soft" or "sharp" by the name of Convolution Kernel (0018,1210); undefined for one that is not known. */
export function kernelClass(kernel: string | undefined): string | undefined {
  const name = kernel?.trim();
  if (!name) return undefined;
  for (const [pattern, classOf] of KERNELS) {
    const match = pattern.exec(name);
    if (match !== null) return classOf(match);
  }
  return undefined;
}

/** Words for parts of the body, as devices write them in Body Part Examined (PS3.16 Annex L) and codes' meanings. */
const BODY_PARTS: readonly (readonly [RegExp, string])[] = [
  [/CHEST.*ABD.*PELV|C.?A.?P\b|^CAP$|TRUNK|WHOLE ?BODY/i, 'trunk'],
  [/BREAST|MAMMA/i, 'breast'],
  [/HEART|CARDIAC|CORONARY/i, 'heart'],
  [/LUNG|CHEST|THORA[XC]/i, 'chest'],
  [/PROSTATE/i, 'prostate'],
  [/KIDNEY|RENAL/i, 'kidney'],
  [/LIVER|HEPA/i, 'liver'],
  [/ABD/i, 'abdomen'],
  [/PELVI[SC]/i, 'pelvis'],
  [/BRAIN|HEAD|SKULL|CRANI/i, 'head'],
  [/C-?SPINE|CERVICAL SPINE|T-?SPINE|L-?SPINE|SPINE|LUMBAR/i, 'spine'],
  [/NECK/i, 'neck'],
  [/KNEE/i, 'knee'],
  [/HIP/i, 'hip'],
  [/SHOULDER/i, 'shoulder'],
  [/ANKLE|FOOT/i, 'foot'],
  [/HAND|WRIST|FINGER/i, 'hand'],
  [/ELBOW|FOREARM|HUMERUS|\bARM\b/i, 'arm'],
  [/FEMUR|TIBIA|FIBULA|\bLEG\b|EXTREMITY/i, 'leg'],
];

/** The part of the body as it is declared: by Body Part Examined, else by the Anatomic Region Sequence. */
export function bodyPartOf(dataset: JsonDataset): string | undefined {
  const declared = text(dataset, 'BodyPartExamined')?.trim();
  const region = items(dataset, 'AnatomicRegionSequence').map((item) => text(item, 'CodeMeaning')?.trim());
  const name = declared || region.find((meaning) => meaning);
  return name ? bodyPartWord(name) : undefined;
}

/** One word for what a device calls it; what is not known by one is given as it is, in lower case. */
export function bodyPartWord(name: string): string {
  return BODY_PARTS.find(([pattern]) => pattern.test(name))?.[1] ?? name.toLowerCase();
}

const SIDES: Readonly<Record<string, string>> = { L: 'left', R: 'right', B: 'both', U: 'unpaired' };

export function lateralityOf(dataset: JsonDataset): string | undefined {
  const side = text(dataset, 'ImageLaterality') ?? text(dataset, 'Laterality');
  return side === undefined ? undefined : SIDES[side.trim().toUpperCase()];
}
