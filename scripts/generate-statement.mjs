// Fills the tables of conformance/statement.md from the code: what each room answers, asked of the rooms themselves.
//   node scripts/generate-statement.mjs           writes them (run "npm run build" first)
//   node scripts/generate-statement.mjs --check   exits with 1 and says which one is stale
//   --claims FILE                                 with other claims than conformance/claims.json
import { readFileSync, writeFileSync } from 'node:fs';
import { SERIES_ATTRIBUTES, STUDY_ATTRIBUTES } from '../dist/src/catalog/kept-attributes.js';
import { QUERY_KEYS } from '../dist/src/catalog/query-keys.js';
import { SETTINGS } from '../dist/src/config.js';
import { characterSetOf } from '../dist/src/dicom/charset.js';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dist/src/dicom/implementation.js';
import * as sopClasses from '../dist/src/dicom/sop-classes.js';
import { TRANSFER_SYNTAXES } from '../dist/src/dicom/transfer-syntaxes.js';
import { STATUS } from '../dist/src/dicomweb/errors.js';
import { FAILURE_REASON, WARNING_INCOMPLETE, WARNING_KEPT_APART } from '../dist/src/dicomweb/failure-reasons.js';
import { TRANSACTIONS } from '../dist/src/dicomweb/router.js';
import { DESCRIPTIONS, describeTransaction, templateOf } from '../dist/src/dicomweb/transaction-descriptions.js';
import { answerPresentationContexts } from '../dist/src/dimse/presentation-contexts.js';
import { commitmentService } from '../dist/src/dimse/services/commitment.js';
import { findService } from '../dist/src/dimse/services/find.js';
import { getService } from '../dist/src/dimse/services/get.js';
import { moveService } from '../dist/src/dimse/services/move.js';
import { ianService, mppsService } from '../dist/src/dimse/services/mpps.js';
import { verificationService } from '../dist/src/dimse/services/verification.js';
import { failureStatus, PROCESSING_FAILURE, receiptStatus } from '../dist/src/dimse/store-status.js';
import { VERSION } from '../dist/src/version.js';
import { readClaims } from './statement-claims.mjs';

const STATEMENT = 'conformance/statement.md';
const claimsAt = process.argv.indexOf('--claims');
const { proofOf, faults, proofs } = readClaims(claimsAt === -1 ? undefined : process.argv[claimsAt + 1]);

const SERVICE_NAMES = {
  VERIFICATION: 'Verification',
  STORAGE_COMMITMENT_PUSH_MODEL: 'Storage Commitment Push Model',
  MEDIA_STORAGE_DIRECTORY: 'Media Storage Directory Storage',
  MODALITY_PERFORMED_PROCEDURE_STEP: 'Modality Performed Procedure Step',
  MODALITY_PERFORMED_PROCEDURE_STEP_RETRIEVE: 'Modality Performed Procedure Step Retrieve',
  INSTANCE_AVAILABILITY_NOTIFICATION: 'Instance Availability Notification',
  MODALITY_WORKLIST_FIND: 'Modality Worklist – FIND',
  PATIENT_ROOT_FIND: 'Patient Root Query/Retrieve – FIND',
  PATIENT_ROOT_MOVE: 'Patient Root Query/Retrieve – MOVE',
  PATIENT_ROOT_GET: 'Patient Root Query/Retrieve – GET',
  STUDY_ROOT_FIND: 'Study Root Query/Retrieve – FIND',
  STUDY_ROOT_MOVE: 'Study Root Query/Retrieve – MOVE',
  STUDY_ROOT_GET: 'Study Root Query/Retrieve – GET',
  PATIENT_STUDY_ONLY_FIND: 'Patient/Study Only Query/Retrieve – FIND (retired)',
  PATIENT_STUDY_ONLY_MOVE: 'Patient/Study Only Query/Retrieve – MOVE (retired)',
  PATIENT_STUDY_ONLY_GET: 'Patient/Study Only Query/Retrieve – GET (retired)',
  COMPOSITE_INSTANCE_ROOT_MOVE: 'Composite Instance Root Retrieve – MOVE',
  COMPOSITE_INSTANCE_ROOT_GET: 'Composite Instance Root Retrieve – GET',
};

/** Defined terms of PS3.3 Tables C.12-2 to C.12-5. */
const CHARACTER_SETS = {
  'ISO_IR 100': 'Latin alphabet No. 1',
  'ISO_IR 101': 'Latin alphabet No. 2',
  'ISO_IR 109': 'Latin alphabet No. 3',
  'ISO_IR 110': 'Latin alphabet No. 4',
  'ISO_IR 144': 'Cyrillic',
  'ISO_IR 127': 'Arabic',
  'ISO_IR 126': 'Greek',
  'ISO_IR 138': 'Hebrew',
  'ISO_IR 148': 'Latin alphabet No. 5',
  'ISO_IR 203': 'Latin alphabet No. 9',
  'ISO_IR 13': 'Japanese (katakana)',
  'ISO_IR 166': 'Thai',
  'ISO 2022 IR 6': 'Default repertoire',
  'ISO 2022 IR 100': 'Latin alphabet No. 1',
  'ISO 2022 IR 101': 'Latin alphabet No. 2',
  'ISO 2022 IR 109': 'Latin alphabet No. 3',
  'ISO 2022 IR 110': 'Latin alphabet No. 4',
  'ISO 2022 IR 144': 'Cyrillic',
  'ISO 2022 IR 127': 'Arabic',
  'ISO 2022 IR 126': 'Greek',
  'ISO 2022 IR 138': 'Hebrew',
  'ISO 2022 IR 148': 'Latin alphabet No. 5',
  'ISO 2022 IR 203': 'Latin alphabet No. 9',
  'ISO 2022 IR 13': 'Japanese (katakana)',
  'ISO 2022 IR 166': 'Thai',
  'ISO 2022 IR 87': 'Japanese (JIS X 0208)',
  'ISO 2022 IR 159': 'Japanese (JIS X 0212)',
  'ISO 2022 IR 149': 'Korean',
  'ISO 2022 IR 58': 'Simplified Chinese (GB 2312)',
  'ISO_IR 192': 'Unicode in UTF-8',
  GB18030: 'Chinese (GB 18030)',
  GBK: 'Chinese (GBK)',
};

/** When each of our errors happens on the way in; those that cannot are left out. */
const STORE_FAILURES = {
  'not-dicom': 'The bytes are no DICOM data set, or break off where they may not.',
  unidentifiable: 'SOP Class, SOP Instance, Study or Series Instance UID is missing or unusable.',
  mismatch: 'The object is not the one that was announced, or not of the study that the path names.',
  'unsupported-object': 'The object is no composite instance: a DICOMDIR.',
  'unsupported-media-type': 'A part of the body is not application/dicom.',
  'bad-request': 'The body breaks off behind what was stored.',
  'too-large': 'The headers of a part, or the number of parts, exceed the limit.',
  'out-of-resources': 'The disk is full, or no file can be opened; trying again later may help.',
};

/** What ends a request; what an object of it can fail with is in the tables of Store. */
const WHEN = {
  'bad-request': 'Path, query, header or body cannot be understood.',
  'not-found': 'Nothing is held under this address, or the object lacks what is asked for.',
  'not-acceptable': 'It is held, and not in a form that is accepted; the answer names the forms.',
  'unsupported-media-type': 'The body is neither application/dicom nor multipart/related of it.',
  'too-large': 'A limit of the multipart body is exceeded.',
};

const hex = (status) => `${status.toString(16).toUpperCase().padStart(4, '0')}H`;

/** Columns are padded as the formatter of this project does it. */
function table(head, rows) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell).replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row, fill) => `| ${row.map((cell, column) => cell.padEnd(widths[column], fill)).join(' | ')} |`;
  const [first, ...others] = cells.map((row) => line(row, ' '));
  return [
    first,
    line(
      head.map(() => ''),
      '-',
    ),
    ...others,
  ].join('\n');
}

/** Which transfer syntax an abstract syntax is accepted with, of those proposed; undefined where it is not. */
/** The services as main.ts opens them: what they are made of does not matter here. */
const SERVICES = new Map(
  [
    verificationService,
    findService({}),
    getService({}),
    moveService({}),
    commitmentService({}),
    mppsService({}),
    ianService({}),
  ].flatMap((service) => service.sopClasses.map((uid) => [uid, service])),
);

function accepted(abstractSyntax, proposed) {
  let answer;
  const context = {
    getAbstractSyntaxUid: () => abstractSyntax,
    getTransferSyntaxUids: () => proposed,
    setResult: (_result, transferSyntax) => {
      answer = transferSyntax;
    },
    setUserRole: () => undefined,
    setProviderRole: () => undefined,
  };
  const association = { getPresentationContexts: () => [{ id: 1 }], getPresentationContext: () => context };
  answerPresentationContexts(association, [], { services: SERVICES, allows: () => true });
  return answer;
}

/** Provided, and used of peers as well. */
const AS_USER = new Set([
  sopClasses.VERIFICATION,
  sopClasses.STORAGE_COMMITMENT_PUSH_MODEL,
  sopClasses.INSTANCE_AVAILABILITY_NOTIFICATION,
]);

const ALL = TRANSFER_SYNTAXES.map(({ uid }) => uid);
const acceptedSyntaxes = (uid) => ALL.filter((syntax) => accepted(uid, [syntax]) === syntax);
const nameOf = (uid) => TRANSFER_SYNTAXES.find((syntax) => syntax.uid === uid).name;

function services() {
  return Object.entries(sopClasses)
    .filter(([name, uid]) => name in SERVICE_NAMES && acceptedSyntaxes(uid).length > 0)
    .map(([name, uid]) => ({ name: SERVICE_NAMES[name], uid, syntaxes: acceptedSyntaxes(uid) }));
}

function storageClasses() {
  const classes = sopClasses.STORAGE_SOP_CLASSES;
  const limited = classes.filter(({ uid }) => acceptedSyntaxes(uid).length !== ALL.length);
  if (limited.length > 0)
    throw new Error(`storage SOP classes with fewer transfer syntaxes: ${limited.map(({ uid }) => uid)}`);
  return classes;
}

const COMPLETE = { outcome: 'stored', complete: true, warnings: [] };

const TABLES = {
  identification: () =>
    table(
      ['What', 'Value'],
      [
        ['Product', 'Voxgate'],
        ['Version', VERSION],
        ['Implementation Class UID', IMPLEMENTATION_CLASS_UID],
        ['Implementation Version Name', IMPLEMENTATION_VERSION_NAME],
      ],
    ),
  services: () =>
    table(
      ['SOP class', 'UID', 'SCU', 'SCP', 'Proof'],
      [
        ...services().map(({ name, uid }) => [
          name,
          uid,
          AS_USER.has(uid) ? 'yes' : 'no',
          'yes',
          [proofOf(`SCP ${uid}`), ...(AS_USER.has(uid) ? [proofOf(`SCU ${uid}`)] : [])].join(', '),
        ]),
        [
          SERVICE_NAMES.MODALITY_WORKLIST_FIND,
          sopClasses.MODALITY_WORKLIST_FIND,
          'yes',
          'no',
          proofOf(`SCU ${sopClasses.MODALITY_WORKLIST_FIND}`),
        ],
        ['Storage: the classes of Annex A', '', 'yes', 'yes', `${proofOf('SCP storage')}, ${proofOf('SCU storage')}`],
        ['Storage: private classes', 'any outside 1.2.840.10008', 'yes', 'yes', proofOf('SCP private storage')],
      ],
    ),
  webServices: () =>
    table(
      ['Transaction', 'Origin server', 'User agent'],
      [...new Set(TRANSACTIONS.map((row) => nameOfRow(row)))].map((name) => [
        name,
        'yes',
        WEB_USER.has(name) ? 'yes' : 'no',
      ]),
    ),
  presentationContexts: () =>
    table(
      ['Abstract syntax', 'UID', 'Transfer syntaxes', 'Role', 'Extended negotiation'],
      [
        ...services().map(({ name, uid, syntaxes }) => [name, uid, syntaxes.map(nameOf).join(', '), 'SCP', 'none']),
        ['Each storage SOP class', 'Annex A', 'all of Annex B; the first that is proposed', 'SCP', 'none'],
      ],
    ),
  storeStatuses: () =>
    table(
      ['Service status', 'Status', 'When'],
      [
        [
          'Success',
          hex(receiptStatus(COMPLETE).status),
          'Bytes are synced to disk and rows committed; also for an object that is held already.',
        ],
        [
          'Warning',
          hex(receiptStatus({ ...COMPLETE, outcome: 'conflict' }).status),
          'The SOP Instance UID is held with other content: the first stays, this one is kept apart and shown in the console.',
        ],
        [
          'Warning',
          hex(receiptStatus({ ...COMPLETE, complete: false }).status),
          'The data set breaks off; it is kept as it came.',
        ],
        ...Object.entries(STORE_FAILURES)
          .filter(([code]) => !['unsupported-media-type', 'bad-request', 'too-large'].includes(code))
          .map(([code, when]) => ['Failure', hex(failureStatus(code, '').status), when]),
        ['Failure', hex(PROCESSING_FAILURE), 'An internal error.'],
      ],
    ),
  transactions: () =>
    table(
      ['Method', 'Resource under /dicom-web', 'Transaction', 'PS3.18', 'Proof'],
      TRANSACTIONS.map((row) => [
        row.method.toUpperCase(),
        `\`${templateOf(row.path)}\``,
        nameOfRow(row),
        row.section === 'none' ? '–' : row.section,
        proofOf(`${row.method.toUpperCase()} ${templateOf(row.path)}`),
      ]),
    ),
  mediaTypes: () =>
    table(
      ['Transaction', 'Direction', 'Media type', 'Proof'],
      DESCRIPTIONS.flatMap(({ name, consumes, produces }) => [
        ...consumes.map((type) => [name, 'takes', `\`${type}\``, proofOf(`${name} takes ${type}`)]),
        ...produces.map((type) => [name, 'gives', `\`${type}\``, proofOf(`${name} gives ${type}`)]),
      ]),
    ),
  webStatuses: () =>
    table(
      ['Transaction', 'Statuses'],
      DESCRIPTIONS.map(({ name, statuses }) => [name, statuses.join(', ')]),
    ),
  webParameters: () =>
    table(
      ['Transaction', 'Query parameter', 'Meaning'],
      DESCRIPTIONS.flatMap(({ name, parameters }) =>
        parameters.map((parameter) => [name, `\`${parameter.name}\``, parameter.meaning]),
      ),
    ),
  httpStatuses: () =>
    table(
      ['Status', 'When'],
      Object.entries(WHEN)
        .map(([code, when]) => [STATUS[code], when])
        .sort(([a], [b]) => a - b),
    ),
  stowReasons: () =>
    table(
      ['Attribute', 'Value', 'When'],
      [
        [
          'Warning Reason (0008,1196)',
          hex(WARNING_KEPT_APART),
          'The SOP Instance UID is held with other content: the first stays, this one is kept apart.',
        ],
        ['Warning Reason (0008,1196)', hex(WARNING_INCOMPLETE), 'The data set breaks off; it is kept as it came.'],
        ...Object.entries(STORE_FAILURES).map(([code, when]) => [
          'Failure Reason (0008,1197)',
          hex(FAILURE_REASON[code]),
          when,
        ]),
        ['Failure Reason (0008,1197)', hex(PROCESSING_FAILURE), 'An internal error.'],
      ],
    ),
  queryKeys: () =>
    table(
      ['Level', 'Attribute', 'Matching'],
      [
        ...QUERY_KEYS.map(({ level, keyword, kind }) => [level, keyword, MATCHING[kind]]),
        ...keptBesides('study', STUDY_ATTRIBUTES),
        ...keptBesides('series', SERIES_ATTRIBUTES),
      ],
    ),
  configuration: () =>
    table(
      ['Setting', 'Default', 'Meaning'],
      SETTINGS.filter(({ variable }) => NETWORK_SETTINGS.includes(variable)).map(({ variable, byDefault, meaning }) => [
        `\`${variable}\``,
        `\`${byDefault}\``,
        meaning,
      ]),
    ),
  characterSets: () =>
    table(
      ['Defined term', 'Repertoire', 'Proof'],
      Object.entries(CHARACTER_SETS).map(([term, repertoire]) => {
        if (characterSetOf([term]).unknownTerms.length > 0) throw new Error(`${term} is not read`);
        return [term, repertoire, proofOf(`character set ${term}`)];
      }),
    ),
  storageClasses: () =>
    table(
      ['SOP class', 'UID', 'Retired'],
      storageClasses().map(({ name, uid, retired }) => [name, uid, retired ? 'yes' : '']),
    ),
  proofs: () =>
    table(
      ['Proof', 'Test', 'File'],
      proofs().map(({ number, file, test }) => [`P${number}`, test.replaceAll(/\\(['"`])/g, '$1'), `\`${file}\``]),
    ),
  transferSyntaxes: () =>
    table(
      ['Transfer syntax', 'UID', 'Frames as', 'Retired'],
      TRANSFER_SYNTAXES.map(({ name, uid, mediaType, retired }) => [name, uid, mediaType, retired ? 'yes' : '']),
    ),
};

/** Asked of peers by the same transaction (peers/dicomweb-peer). */
const WEB_USER = new Set(['Store', 'Search']);

function nameOfRow(row) {
  const described = describeTransaction(row);
  if (!described)
    throw new Error(`add a description of ${row.method} ${row.path} to src/dicomweb/transaction-descriptions.ts`);
  return described.name;
}

const MATCHING = {
  text: 'single value, list of values, wild cards',
  uid: 'single value, list of UIDs',
  name: 'single value, wild cards; without case, accents and width, in each component group',
  number: 'single value, list of values',
  date: 'single value, range',
  time: 'single value, range; a time to the minute is the whole minute',
  list: 'any of the list, wild cards',
  kept: 'as its VR is matched; a sequence by the keys of its item, all in one and the same item',
};

/** What is kept with a row and matched without a column. */
function keptBesides(level, keywords) {
  const columns = new Set(QUERY_KEYS.map(({ keyword }) => keyword));
  return keywords.filter((keyword) => !columns.has(keyword)).map((keyword) => [level, keyword, MATCHING.kept]);
}

const NETWORK_SETTINGS = [
  'VOXGATE_AE_TITLE',
  'VOXGATE_DIMSE',
  'VOXGATE_DIMSE_TLS',
  'VOXGATE_TLS_CLIENT_CERT',
  'VOXGATE_HTTP',
  'VOXGATE_INSECURE',
  'VOXGATE_MAX_ASSOCIATIONS',
  'VOXGATE_MEMORY_BUDGET',
];

function filled(text) {
  const found = new Set();
  const next = text.replace(/(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- \/table -->)/g, (_whole, begin, name, end) => {
    if (!TABLES[name]) throw new Error(`${STATEMENT} has a table ${name} that nothing fills`);
    found.add(name);
    return `${begin}\n${TABLES[name]()}\n\n${end}`;
  });
  const missing = Object.keys(TABLES).filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`${STATEMENT} lacks the tables ${missing.join(', ')}`);
  // "<!-- claim: name -->(P1)<!-- /claim -->": the proof of the sentence before.
  return next.replace(
    /<!-- claim: ([^>]+?) -->[^<]*<!-- \/claim -->/g,
    (_whole, claim) => `<!-- claim: ${claim} -->(${proofOf(claim)})<!-- /claim -->`,
  );
}

/** Chapters in which every section claims something: networking, character sets, security. */
const CLAIMING = /^#{2,4} ([5678])[. ]/;

/** Sections of those chapters without a table and without a proof; a heading that only gathers others is none. */
function unproven(text) {
  const sections = text.split(/^(?=#{2,4} )/m);
  return sections
    .filter((section) => CLAIMING.test(section) && section.trim().includes('\n'))
    .filter((section) => !/<!-- (table|claim): /.test(section))
    .map((section) => `section "${section.split('\n')[0].replace(/^#+ /, '')}" has neither a table nor a proof`);
}

/** Without the padding, which says nothing. */
const plain = (text) => text.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');
const tablesOf = (text) =>
  new Map(
    [...plain(text).matchAll(/<!-- table: (\w+) -->\n([\s\S]*?)<!-- \/table -->/g)].map(([, name, body]) => [
      name,
      body,
    ]),
  );

const stated = readFileSync(STATEMENT, 'utf8');
const generated = filled(stated);
const wrong = [...faults(), ...unproven(generated)];
if (process.argv.includes('--check')) {
  const now = tablesOf(generated);
  const stale = [...tablesOf(stated)].filter(([name, body]) => now.get(name) !== body).map(([name]) => name);
  if (stale.length > 0)
    wrong.push(
      `${STATEMENT} is stale: ${stale.join(', ')}. Run "npm run build" and "node scripts/generate-statement.mjs".`,
    );
  else if (plain(stated) !== plain(generated)) wrong.push(`${STATEMENT} is stale: the numbers of its proofs`);
} else {
  writeFileSync(STATEMENT, generated);
}
if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
