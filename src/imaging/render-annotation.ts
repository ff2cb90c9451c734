import type { JsonDataset } from '../dicom/dataset.ts';
import { number, numbers, text } from '../dicom/read-values.ts';
import { functionalGroup } from './render-object.ts';
import type { Annotation } from './render-request.ts';
import { LINE_HEIGHT, textPath } from './render-text.ts';

/** What is burned in for "patient": on the wish of who asks alone (PS3.18 8.3.5.1.1). */
function patientLines(dataset: JsonDataset): string[] {
  const [name] = (text(dataset, 'PatientName') ?? '').split('=');
  const born = text(dataset, 'PatientBirthDate');
  const lines = [
    (name ?? '').replace(/\^+$/, '').split('^').filter(Boolean).join(', '),
    text(dataset, 'PatientID') ?? '',
    [born ? `* ${printedDate(born)}` : '', text(dataset, 'PatientSex') ?? ''].filter(Boolean).join(' '),
  ];
  return lines.filter((line) => line !== '').map(shortened);
}

/** How the image was made. */
function techniqueLines(dataset: JsonDataset, frame: number): string[] {
  const voi = functionalGroup(dataset, frame, 'FrameVOILUTSequence') ?? dataset;
  const values: readonly (readonly [string, number | undefined, string])[] = [
    ['', number(dataset, 'KVP'), ' kV'],
    ['', number(dataset, 'XRayTubeCurrent'), ' mA'],
    ['TR ', number(dataset, 'RepetitionTime'), ' ms'],
    ['TE ', number(dataset, 'EchoTime'), ' ms'],
    ['SL ', number(dataset, 'SliceThickness'), ' mm'],
    ['C ', numbers(voi, 'WindowCenter')[0], ''],
    ['W ', numbers(voi, 'WindowWidth')[0], ''],
  ];
  const date = text(dataset, 'AcquisitionDate') ?? text(dataset, 'StudyDate');
  const lines = [
    [text(dataset, 'Modality'), text(dataset, 'SeriesDescription')].filter(Boolean).join(' '),
    values
      .flatMap(([before, value, unit]) => (value === undefined ? [] : [`${before}${printed(value)}${unit}`]))
      .join('  '),
    [date ? printedDate(date) : '', imageNumber(dataset, frame)].filter(Boolean).join('  '),
  ];
  return lines.filter((line) => line !== '').map(shortened);
}

function imageNumber(dataset: JsonDataset, frame: number): string {
  const instance = number(dataset, 'InstanceNumber');
  const frames = number(dataset, 'NumberOfFrames') ?? 1;
  return [instance === undefined ? '' : `Im ${instance}`, frames > 1 ? `Fr ${frame}/${frames}` : '']
    .filter(Boolean)
    .join(' ');
}

function printed(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function printedDate(date: string): string {
  return /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date;
}

const LONGEST_LINE = 64;

function shortened(line: string): string {
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}~` : line;
}

/** The annotations asked for as SVG: the patient above, the technique below, white with a black rim. */
export function annotationSvg(
  dataset: JsonDataset,
  { frame, annotations }: { readonly frame: number; readonly annotations: readonly Annotation[] },
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const dot = Math.max(1, Math.round(Math.min(width, height) / 384));
  const margin = 4 * dot;
  const above = annotations.includes('patient') ? patientLines(dataset) : [];
  const below = annotations.includes('technique') ? techniqueLines(dataset, frame) : [];
  const paths = [
    textPath(above, { x: margin, y: margin, dot }),
    textPath(below, { x: margin, y: height - margin - below.length * LINE_HEIGHT * dot, dot }),
  ];
  return paths.filter(Boolean).map(outlined).join('');
}

/** Text that can be read on black and on white. */
export function outlined(path: string): string {
  return `<path d="${path}" fill="#fff" stroke="#000" stroke-width="2" paint-order="stroke"/>`;
}
