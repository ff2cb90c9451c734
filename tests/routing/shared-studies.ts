import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { fileSource, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import { loadModels, type Model } from '../../src/inference/model-library.ts';
import type { InputSlot, ModelManifest } from '../../src/inference/model-manifest.ts';
import { type StudyView, seriesOf } from '../../src/pipeline/study-view.ts';
import { sharedData } from '../support/shared-data.ts';

interface Held {
  readonly file: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly receivedAt: Date;
  readonly dataset: JsonDataset;
}

const NOW = new Date('2026-01-01T12:00:00Z');

/** Every study of the shared data whose objects can be read; of twins with one SOP Instance UID the first. */
export function sharedStudies(): { studies: StudyView[]; files: ReadonlyMap<string, string> } {
  const held = new Map<string, Held>();
  for (const name of readdirSync(sharedData(), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.dcm') && !name.startsWith('series')) continue;
    if (name.startsWith('malformed') || name.startsWith('models')) continue;
    const one = read(name);
    if (one && !held.has(one.sopInstanceUid)) held.set(one.sopInstanceUid, one);
  }
  const files = new Map<string, string>();
  const byStudy = new Map<string, Map<string, Held[]>>();
  for (const one of held.values()) {
    const study = byStudy.get(one.studyInstanceUid) ?? new Map<string, Held[]>();
    byStudy.set(one.studyInstanceUid, study);
    study.set(one.seriesInstanceUid, [...(study.get(one.seriesInstanceUid) ?? []), one]);
    if (!files.has(one.seriesInstanceUid)) files.set(one.seriesInstanceUid, one.file);
  }
  const studies = [...byStudy].map(([studyInstanceUid, series]) => ({
    studyInstanceUid,
    series: [...series.values()].map((instances) => seriesOf(instances)!),
    priors: [],
    priorsSearched: true,
    priority: undefined,
    now: NOW,
  }));
  return { studies, files };
}

function read(file: string): Held | undefined {
  const fd = openSync(sharedData(file), 'r');
  try {
    const { dataset, transferSyntaxUid } = parsePart10(fileSource(fd, fstatSync(fd).size));
    const uids = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'].map((keyword) => text(dataset, keyword));
    if (uids.includes(undefined)) return undefined;
    const [studyInstanceUid = '', seriesInstanceUid = '', sopInstanceUid = ''] = uids;
    return { file, studyInstanceUid, seriesInstanceUid, sopInstanceUid, transferSyntaxUid, receivedAt: NOW, dataset };
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** The model of this project, and manifests of further kinds: brain MR, PET with CT, chest radiograph, ultrasound. */
export async function modelsOfAllKinds(): Promise<Model[]> {
  const [lungs] = (await loadModels(['models'])).models;
  const base = lungs!.manifest.inputs[0]!;
  const geometry = { minimumSlices: 10, tilt: 'resample', spacing: 'resample', duplicates: 'first' } as const;
  const model = (id: string, changes: Partial<ModelManifest>): Model => ({
    ...lungs!,
    key: id,
    manifest: { ...lungs!.manifest, id, version: '1.0.0', gates: [], ...changes },
  });
  const slot = (changes: Partial<InputSlot>): InputSlot => ({ ...base, ...changes });
  const gate = (when: unknown, otherwise: string) => ({ when, otherwise });
  return [
    lungs!,
    model('brain-mr', {
      gates: [gate('age >= 18', 'This model was made for adults')],
      inputs: [
        slot({
          slot: 't1',
          units: 'any',
          geometry: { ...geometry, minimumSlices: 20, maximumSliceSpacing: 2 },
          gates: [
            gate('Modality = MR and not localizer', 'This model takes MR of the head'),
            gate('bodyPart = head or SeriesDescription matches "*brain*" or BodyPartExamined absent', 'It takes heads'),
            gate('EchoTime <= 30 or EchoTime absent', 'It takes T1 weighted images'),
          ],
        }),
      ],
    }),
    model('pet-ct', {
      inputs: [
        slot({ slot: 'pet', units: 'SUVbw', geometry, gates: [gate({ Modality: 'PT' }, 'The first input is PET')] }),
        slot({ slot: 'ct', geometry, gates: [gate('Modality = CT and not localizer', 'The second input is CT')] }),
      ],
    }),
    model('chest-radiograph', {
      inputs: [
        slot({
          slot: 'image',
          kind: 'image',
          units: 'any',
          gates: [gate('Modality in (CR, DX) and images <= 4', 'This model takes radiographs')],
        }),
      ],
    }),
    model('ultrasound', {
      inputs: [
        slot({
          slot: 'loop',
          kind: 'cine',
          units: 'any',
          gates: [gate('Modality = US', 'This model takes ultrasound')],
        }),
      ],
    }),
  ];
}
