import type { JsonDataset } from '../../dicom/dataset.ts';
import { items, number, text, texts } from '../../dicom/read-values.ts';
import type { PetHeader } from './pet-header.ts';
import { type PrivateAttribute, privateNumbers, privateText } from './private-values.ts';

const PHILIPS = { group: '7053', creator: 'Philips PET Private Group', unknownAs: 'text' } as const;
const PHILIPS_SUV: PrivateAttribute = { ...PHILIPS, element: '00' };
const PHILIPS_ACTIVITY: PrivateAttribute = { ...PHILIPS, element: '09' };
const GE_SCAN: PrivateAttribute = { group: '0009', creator: 'GEMS_PETD_01', element: '0D', unknownAs: 'text' };

/** What the image says about its activity, as it stands. */
export function petHeaderOf(dataset: JsonDataset): PetHeader {
  const agents = items(dataset, 'RadiopharmaceuticalInformationSequence');
  const agent = agents[0] ?? {};
  return {
    units: text(dataset, 'Units')?.trim(),
    suvType: text(dataset, 'SUVType')?.trim(),
    correctedImage: correctionsOf(dataset),
    // An enhanced image says to when it was corrected (0018,9701), and needs no other word for it.
    decayCorrection: text(dataset, 'DecayCorrection')?.trim(),
    weight: number(dataset, 'PatientWeight'),
    size: number(dataset, 'PatientSize'),
    sex: text(dataset, 'PatientSex')?.trim(),
    dose: number(agent, 'RadionuclideTotalDose'),
    halfLife: number(agent, 'RadionuclideHalfLife'),
    injectionTime: text(agent, 'RadiopharmaceuticalStartTime'),
    injectionDateTime: text(agent, 'RadiopharmaceuticalStartDateTime'),
    radiopharmaceuticals: agents.length,
    seriesDate: text(dataset, 'SeriesDate'),
    seriesTime: text(dataset, 'SeriesTime'),
    acquisitionDate: text(dataset, 'AcquisitionDate'),
    acquisitionTime: text(dataset, 'AcquisitionTime'),
    frameReferenceTime: number(dataset, 'FrameReferenceTime'),
    frameDuration: number(dataset, 'ActualFrameDuration'),
    decayFactor: number(dataset, 'DecayFactor'),
    decayCorrectionDateTime: text(dataset, 'DecayCorrectionDateTime'),
    philipsSuvFactor: privateNumbers(dataset, PHILIPS_SUV)[0],
    philipsActivityFactor: privateNumbers(dataset, PHILIPS_ACTIVITY)[0],
    geScanDateTime: privateText(dataset, GE_SCAN),
  };
}

/** Of an enhanced image one attribute says yes or no to each correction (PS3.3 C.8.22.3). */
function correctionsOf(dataset: JsonDataset): string[] {
  const classic = texts(dataset, 'CorrectedImage').map((word) => word.trim());
  if (classic.length > 0) return classic;
  const is = (attribute: string): boolean => text(dataset, attribute)?.trim() === 'YES';
  return [...(is('AttenuationCorrected') ? ['ATTN'] : []), ...(is('DecayCorrected') ? ['DECY'] : [])];
}
