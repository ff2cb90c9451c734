import { recordExpected } from '../catalog/availability.ts';
import type { Database } from '../catalog/database.ts';
import {
  insertStep,
  lockStep,
  type ProcedureStep,
  readStep,
  type StepState,
  updateStep,
} from '../catalog/procedure-steps.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { tagOfKeywordOrTag } from '../dicom/dictionary.ts';
import { isPresent, items, text } from '../dicom/read-values.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import { performedInstances, studyUidsOf } from './performed-series.ts';

/** Why a modality's word on a procedure step is not taken (PS3.4 F.7.2). */
export class StepFault extends Error {
  readonly kind: 'missing' | 'empty' | 'invalid' | 'duplicate' | 'unknown' | 'final';
  /** The attribute it is about, as eight hexadecimal digits. */
  readonly tag: string | undefined;
  constructor(kind: StepFault['kind'], sentence: string, keyword?: string) {
    super(sentence);
    this.kind = kind;
    this.tag = keyword === undefined ? undefined : tagOfKeywordOrTag(keyword);
  }
}

/** Type 1 in N-CREATE (PS3.4 Table F.7.2-1). */
const REQUIRED_AT_FIRST = [
  'PerformedProcedureStepID',
  'PerformedStationAETitle',
  'PerformedProcedureStepStartDate',
  'PerformedProcedureStepStartTime',
  'PerformedProcedureStepStatus',
  'Modality',
  'ScheduledStepAttributesSequence',
];
const REQUIRED_AT_THE_END = ['PerformedProcedureStepEndDate', 'PerformedProcedureStepEndTime'];

/** Whose procedure it is and what was asked for does not change with an N-SET (PS3.4 Table F.7.2-1: not allowed). */
const FIXED = new Set(
  [
    ...[
      'SOPClassUID',
      'SOPInstanceUID',
      'PatientName',
      'PatientID',
      'IssuerOfPatientID',
      'PatientBirthDate',
      'PatientSex',
    ],
    ...[
      'ScheduledStepAttributesSequence',
      'PerformedProcedureStepID',
      'PerformedStationAETitle',
      'Modality',
      'StudyID',
    ],
    ...['PerformedProcedureStepStartDate', 'PerformedProcedureStepStartTime', 'ReferencedPatientSequence'],
  ].map((keyword) => tagOfKeywordOrTag(keyword)),
);

const STATES: readonly StepState[] = ['IN PROGRESS', 'DISCONTINUED', 'COMPLETED'];

/**
 * Modality Performed Procedure Steps (PS3.4 Annex F): created in progress, changed while they are, final once completed or
 * discontinued. What a completed one says it made is recorded as evidence.
 */
export class ProcedureSteps {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** N-CREATE (PS3.4 F.7.2.1). @throws StepFault */
  async create(sopInstanceUid: string, performedBy: string, step: JsonDataset): Promise<void> {
    for (const keyword of REQUIRED_AT_FIRST) require1(step, keyword);
    if (studyUidsOf(step).length === 0)
      throw new StepFault(
        'empty',
        'no item of the Scheduled Step Attributes Sequence has a Study Instance UID',
        'StudyInstanceUID',
      );
    if (stateOf(step) !== 'IN PROGRESS')
      throw new StepFault('invalid', 'a step is created IN PROGRESS', 'PerformedProcedureStepStatus');
    if (!(await insertStep(this.#database, rowOf(sopInstanceUid, performedBy, step))))
      throw new StepFault('duplicate', 'a procedure step of that SOP Instance UID exists');
  }

  /** N-SET (PS3.4 F.7.2.2): the attributes given take the place of those there were. @throws StepFault */
  async change(sopInstanceUid: string, changes: JsonDataset): Promise<void> {
    await this.#database.transaction(async (tx) => {
      const known = await lockStep(tx, sopInstanceUid);
      if (!known) throw new StepFault('unknown', 'there is no procedure step of that SOP Instance UID');
      if (known.state !== 'IN PROGRESS')
        throw new StepFault('final', 'Performed Procedure Step Object may no longer be updated');
      const allowed = Object.fromEntries(Object.entries(changes).filter(([tag]) => !FIXED.has(tag)));
      const before: JsonDataset = JSON.parse(known.content);
      const step: JsonDataset = { ...before, ...allowed };
      const row = rowOf(sopInstanceUid, known.performedBy, step);
      if (row.state !== 'IN PROGRESS') requireEnd(step, row.state);
      await updateStep(tx, row);
      if (row.state === 'COMPLETED')
        await recordExpected(tx, { source: 'mpps', sourceUid: sopInstanceUid }, performedInstances(step));
    });
  }

  /** N-GET (PS3.4 F.8.2). @throws StepFault */
  async read(sopInstanceUid: string): Promise<JsonDataset> {
    const known = await readStep(this.#database, sopInstanceUid);
    if (!known) throw new StepFault('unknown', 'there is no procedure step of that SOP Instance UID');
    return JSON.parse(known.content);
  }
}

function rowOf(sopInstanceUid: string, performedBy: string, step: JsonDataset): ProcedureStep {
  const series = items(step, 'PerformedSeriesSequence').map((item) => text(item, 'SeriesInstanceUID') ?? '');
  const modality = text(step, 'Modality') ?? '';
  return {
    sopInstanceUid,
    state: stateOf(step),
    performedBy,
    studyInstanceUids: studyUidsOf(step),
    modality: /^[A-Z0-9_ ]{1,16}$/.test(modality) ? modality : null,
    seriesInstanceUids: series.filter(isUsableAsUid),
    instances: performedInstances(step).length,
    content: JSON.stringify(step),
  };
}

function stateOf(step: JsonDataset): StepState {
  const said = text(step, 'PerformedProcedureStepStatus');
  const state = STATES.find((known) => known === said);
  if (!state)
    throw new StepFault('invalid', `the status is none of ${STATES.join(', ')}`, 'PerformedProcedureStepStatus');
  return state;
}

/** Final state requirements (PS3.4 Table F.7.2-1). One that was broken off before it made anything has no series. */
function requireEnd(step: JsonDataset, state: StepState): void {
  for (const keyword of REQUIRED_AT_THE_END) require1(step, keyword);
  if (state === 'DISCONTINUED') return;
  require1(step, 'PerformedSeriesSequence');
  for (const series of items(step, 'PerformedSeriesSequence')) require1(series, 'SeriesInstanceUID');
}

function require1(step: JsonDataset, keyword: string): void {
  if (!isPresent(step, keyword)) throw new StepFault('missing', `${keyword} is missing`, keyword);
  if (text(step, keyword) === undefined && items(step, keyword).length === 0)
    throw new StepFault('empty', `${keyword} is empty`, keyword);
}
