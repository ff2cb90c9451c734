import type { Fields } from '../dicom/build.ts';
import { codeItem } from './codes.ts';
import type { Code } from './types.ts';

/** Content items of an SR document (PS3.3 C.17.3): how each is written, and how it hangs on the item above. */
export type Relationship = 'CONTAINS' | 'HAS OBS CONTEXT' | 'HAS CONCEPT MOD' | 'HAS ACQ CONTEXT' | 'SELECTED FROM';

/** Children are optional everywhere; an empty Content Sequence is not allowed. */
function item(relationship: Relationship, valueType: string, name: Code | undefined, value: Fields): Fields {
  return {
    RelationshipType: relationship,
    ValueType: valueType,
    ConceptNameCodeSequence: name ? [codeItem(name)] : undefined,
    ...value,
  };
}

function children(items: readonly Fields[]): Fields {
  return { ContentSequence: items.length > 0 ? items : undefined };
}

/** Content Template Sequence (PS3.3 C.18.8) of a template of PS3.16. */
function template(identifier: string | undefined): Fields {
  if (identifier === undefined) return {};
  return { ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: identifier }] };
}

/** The root of the tree, which has no relationship to anything. */
export function rootContainer(title: Code, templateId: string, items: readonly Fields[]): Fields {
  return {
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [codeItem(title)],
    ContinuityOfContent: 'SEPARATE',
    ...template(templateId),
    ...children(items),
  };
}

export function container(name: Code, items: readonly Fields[], templateId?: string): Fields {
  const value = { ContinuityOfContent: 'SEPARATE', ...template(templateId), ...children(items) };
  return item('CONTAINS', 'CONTAINER', name, value);
}

export function codeValue(relationship: Relationship, name: Code, value: Code, items: readonly Fields[] = []): Fields {
  return item(relationship, 'CODE', name, { ConceptCodeSequence: [codeItem(value)], ...children(items) });
}

export function textValue(relationship: Relationship, name: Code, value: string): Fields {
  return item(relationship, 'TEXT', name, { TextValue: value });
}

export function uidReference(relationship: Relationship, name: Code, uid: string): Fields {
  return item(relationship, 'UIDREF', name, { UID: uid });
}

export function dateValue(relationship: Relationship, name: Code, date: string): Fields {
  return item(relationship, 'DATE', name, { Date: date });
}

/** A number with its UCUM unit (PS3.3 C.18.1); modifiers such as the derivation are its children. */
export function numericValue(
  relationship: Relationship,
  name: Code,
  measured: { readonly value: number; readonly unit: Code },
  items: readonly Fields[] = [],
): Fields {
  return item(relationship, 'NUM', name, {
    MeasuredValueSequence: [{ NumericValue: measured.value, MeasurementUnitsCodeSequence: [codeItem(measured.unit)] }],
    ...children(items),
  });
}

interface ImageReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly frameNumber?: number;
  readonly segment?: number;
}

/** Reference to an image, or to one segment of a SEG (PS3.3 C.18.4). */
export function imageReference(name: Code | undefined, image: ImageReference): Fields {
  return item('CONTAINS', 'IMAGE', name, referenced(image));
}

/** Value types of objects that are no images (PS3.3 C.17.3.2.1): reports and notes. */
const DOCUMENTS = '1.2.840.10008.5.1.4.1.1.88.';

/** Reference to an object whatever it is: an image, or a document (PS3.3 C.18.3, C.18.4). */
export function objectReference(object: { readonly sopClassUid: string; readonly sopInstanceUid: string }): Fields {
  const { sopClassUid, sopInstanceUid } = object;
  const isDocument = sopClassUid.startsWith(DOCUMENTS);
  return item('CONTAINS', isDocument ? 'COMPOSITE' : 'IMAGE', undefined, referenced({ sopClassUid, sopInstanceUid }));
}

function referenced(image: ImageReference): Fields {
  return {
    ReferencedSOPSequence: [
      {
        ReferencedSOPClassUID: image.sopClassUid,
        ReferencedSOPInstanceUID: image.sopInstanceUid,
        ReferencedFrameNumber: image.frameNumber,
        ReferencedSegmentNumber: image.segment,
      },
    ],
  };
}

/** A closed line on an image, [column, row] of each corner (PS3.3 C.18.6). */
export function polyline(name: Code, points: readonly (readonly [number, number])[], image: ImageReference): Fields {
  return item('CONTAINS', 'SCOORD', name, {
    GraphicType: 'POLYLINE',
    GraphicData: points.flat(),
    ...children([item('SELECTED FROM', 'IMAGE', undefined, referenced(image))]),
  });
}
