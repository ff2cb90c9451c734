import type { Fields } from '../dicom/build.ts';
import { isUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';
import { CODE, codeItem } from './codes.ts';
import type { Algorithm, Device } from './types.ts';
import { shortText } from './wire-values.ts';

/** A type 1 text of our own making: never empty, or readers that check refuse the object. */
function required(value: string, what: string): string {
  const fit = shortText(value);
  if (fit === '') throw new VoxgateError('bad-result', `${what} is empty, which no result object may have`);
  return fit;
}

/**
 * General and Enhanced General Equipment modules (PS3.3 C.7.5.1, C.7.5.2), type 1 in a SEG: this node as the maker.
 *
 * @throws VoxgateError mismatch when one of the texts is empty or Device UID is none
 */
export function enhancedGeneralEquipment(device: Device): Fields {
  if (!isUid(device.uid)) throw new VoxgateError('bad-result', 'the UID of this device is no UID');
  return {
    Manufacturer: required(device.manufacturer, 'Manufacturer'),
    ManufacturerModelName: required(device.modelName, "Manufacturer's Model Name"),
    DeviceSerialNumber: required(device.serialNumber, 'Device Serial Number'),
    SoftwareVersions: required(device.softwareVersion, 'Software Versions'),
    DeviceUID: device.uid,
  };
}

/**
 * Contributing Equipment Sequence (PS3.3 C.12.1, Table C.12-1): the algorithm that did the processing, with version and
 * digest of the model, so that the result can be traced to exactly the weights it came from.
 */
export function contributingEquipment(
  algorithm: Algorithm,
  contribution: { readonly dateTime: string; readonly job: string | undefined },
): Fields {
  const what = `Automatic analysis by ${algorithm.name} ${algorithm.version}, not verified by a person`;
  return {
    ContributingEquipmentSequence: [
      {
        PurposeOfReferenceCodeSequence: [codeItem(CODE.processingEquipment)],
        Manufacturer: required(algorithm.source, 'the source of the algorithm'),
        ManufacturerModelName: required(algorithm.name, 'the name of the algorithm'),
        SoftwareVersions: [
          required(algorithm.version, 'the version of the algorithm'),
          required(algorithm.digest, 'the digest of the model'),
        ],
        ContributionDateTime: contribution.dateTime,
        ContributionDescription: shortText(
          contribution.job === undefined ? what : `${what}; job ${contribution.job}`,
          1024,
        ),
      },
    ],
  };
}
