import { type Offer, REPRESENTATIONS } from './accept.ts';
import { offerText } from './negotiate.ts';

/** What the capabilities and the conformance statement say of a transaction besides its method and resource. */
export interface Description {
  /** As PS3.18 names it. */
  readonly name: string;
  readonly method: string;
  /** Which resources; every row of TRANSACTIONS is one description's, and every description is some row's. */
  readonly path: RegExp;
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly statuses: readonly number[];
}

export interface Parameter {
  readonly name: string;
  readonly meaning: string;
}

const JSON_MODEL = ['application/dicom+json', 'application/json'];
const produced = (offers: readonly Offer[]): string[] => offers.map(offerText);
const OBJECTS = ['multipart/related; type="application/dicom"', 'application/dicom'];
/** With their bulk data where these are apart. */
const METADATA = ['json', 'xml'].flatMap((model) => [
  `multipart/related; type="application/dicom+${model}"`,
  `application/dicom+${model}`,
]);
const PICTURES = ['image/jpeg', 'image/png', 'image/gif'];
const DOCUMENTS = ['text/html', 'text/plain', 'text/xml', 'application/pdf', 'video/mp4', 'video/mpeg'];
const ACCEPT = { name: 'accept', meaning: 'media types that are taken, instead of the header (PS3.18 8.3.3.1)' };
const PAGING = [
  { name: 'limit', meaning: 'the largest number of answers (PS3.18 8.3.4.4)' },
  { name: 'offset', meaning: 'how many answers to leave out first (PS3.18 8.3.4.4)' },
];

export const DESCRIPTIONS: readonly Description[] = [
  {
    name: 'Retrieve Capabilities',
    method: 'get|options',
    path: /^\/$/,
    consumes: [],
    produces: ['application/vnd.sun.wadl+xml', 'application/json'],
    parameters: [ACCEPT],
    statuses: [200, 406],
  },
  {
    name: 'Search',
    method: 'get',
    path: /\/(patients|studies|series|instances)$/,
    consumes: [],
    produces: [...JSON_MODEL, 'multipart/related; type="application/dicom+xml"'],
    parameters: [
      ACCEPT,
      { name: '{attribute}', meaning: 'keyword or tag, with the value to match (PS3.18 8.3.4.1)' },
      { name: 'includefield', meaning: 'an attribute to answer besides, or all (PS3.18 8.3.4.3)' },
      { name: 'fuzzymatching', meaning: 'true finds names that sound alike (PS3.18 8.3.4.2)' },
      { name: 'emptyvaluematching', meaning: 'true finds what has no value (PS3.18 8.3.4.5)' },
      { name: 'multiplevaluematching', meaning: 'taken; several values always mean any of them (PS3.18 8.3.4.6)' },
      ...PAGING,
      { name: 'cursor', meaning: 'where the page before ended, as its Link header says' },
    ],
    statuses: [200, 204, 400, 406, 503],
  },
  {
    name: 'Retrieve Instances',
    method: 'get',
    path: /\/(studies\/:study|series\/:series|instances\/:instance)$/,
    consumes: [],
    produces: produced(REPRESENTATIONS.objects),
    parameters: [ACCEPT],
    statuses: [200, 206, 304, 400, 404, 406, 412, 416],
  },
  {
    name: 'Retrieve Rendered',
    method: 'get',
    path: /\/rendered$/,
    consumes: [],
    produces: [...PICTURES, ...PICTURES.map((type) => `multipart/related; type="${type}"`), ...DOCUMENTS],
    parameters: [
      ACCEPT,
      { name: 'window', meaning: 'center,width,function: linear, linear-exact or sigmoid (PS3.18 8.3.5.1.4)' },
      { name: 'viewport', meaning: 'vw,vh or vw,vh,sx,sy,sw,sh: size, and region of the image (PS3.18 8.3.5.1.3)' },
      { name: 'quality', meaning: 'of a JPEG, 1 to 100; 90 where it is absent (PS3.18 8.3.5.1.2)' },
      { name: 'annotation', meaning: 'patient, technique and, of our own, overlays: burned in (PS3.18 8.3.5.1.1)' },
      { name: 'iccprofile', meaning: 'no, yes or srgb (PS3.18 8.3.5.1.5)' },
    ],
    statuses: [200, 206, 304, 400, 404, 406, 412, 413],
  },
  {
    name: 'Retrieve Thumbnail',
    method: 'get',
    path: /\/thumbnail$/,
    consumes: [],
    produces: PICTURES,
    parameters: [ACCEPT, { name: 'viewport', meaning: 'vw,vh: the largest size (PS3.18 8.3.5.2)' }],
    statuses: [200, 304, 400, 404, 406, 412],
  },
  {
    name: 'Retrieve by URI (WADO-URI)',
    method: 'get',
    path: /^\/wado$/,
    consumes: [],
    produces: ['application/dicom', ...PICTURES, ...DOCUMENTS],
    parameters: [
      { name: 'requestType', meaning: 'WADO (PS3.18 9.1.2.1.1)' },
      { name: 'studyUID', meaning: 'Study Instance UID' },
      { name: 'seriesUID', meaning: 'Series Instance UID' },
      { name: 'objectUID', meaning: 'SOP Instance UID' },
      { name: 'contentType', meaning: 'media types that are taken (PS3.18 9.1.2.1.5)' },
      { name: 'charset', meaning: 'of texts: UTF-8' },
      { name: 'frameNumber', meaning: 'which frame, from 1' },
      { name: 'rows', meaning: 'the largest height in pixels' },
      { name: 'columns', meaning: 'the largest width in pixels' },
      { name: 'region', meaning: 'xmin,ymin,xmax,ymax in fractions of the image' },
      { name: 'windowCenter', meaning: 'with windowWidth' },
      { name: 'windowWidth', meaning: 'with windowCenter' },
      { name: 'imageQuality', meaning: 'of a JPEG, 1 to 100' },
      { name: 'annotation', meaning: 'patient, technique and, of our own, overlays' },
      { name: 'presentationSeriesUID', meaning: 'with presentationUID' },
      { name: 'presentationUID', meaning: 'SOP Instance UID of a Grayscale Softcopy Presentation State' },
      { name: 'transferSyntax', meaning: 'of application/dicom' },
    ],
    statuses: [200, 206, 304, 400, 404, 406, 412, 413],
  },
  {
    name: 'Retrieve Metadata',
    method: 'get',
    path: /\/metadata$/,
    consumes: [],
    produces: produced(REPRESENTATIONS.models),
    parameters: [ACCEPT],
    statuses: [200, 304, 400, 404, 406, 412],
  },
  {
    name: 'Retrieve Frames',
    method: 'get',
    path: /\/frames\/:frames$/,
    consumes: [],
    produces: [
      'multipart/related; type="application/octet-stream"',
      'multipart/related; type="image/*"',
      'multipart/related; type="video/*"',
    ],
    parameters: [ACCEPT],
    statuses: [200, 400, 404, 406],
  },
  {
    name: 'Retrieve Bulkdata',
    method: 'get',
    path: /\/bulkdata\/\*path$/,
    consumes: [],
    produces: [...produced(REPRESENTATIONS.bulkData), 'application/pdf', 'image/*', 'video/*'],
    parameters: [ACCEPT],
    statuses: [200, 206, 304, 400, 404, 406, 412, 416],
  },
  {
    name: 'Store',
    method: 'post',
    path: /^\/studies(\/:study)?$/,
    consumes: [...OBJECTS, ...METADATA],
    produces: [...JSON_MODEL, 'application/dicom+xml'],
    parameters: [ACCEPT],
    statuses: [200, 202, 400, 406, 409, 413, 415, 503],
  },
  {
    name: 'Request Storage Commitment',
    method: 'post',
    path: /^\/commitment-requests\//,
    consumes: JSON_MODEL,
    produces: JSON_MODEL,
    parameters: [ACCEPT],
    statuses: [200, 202, 400, 406, 409, 413, 415],
  },
  {
    name: 'Check Storage Commitment',
    method: 'get',
    path: /^\/commitment-requests\//,
    consumes: [],
    produces: JSON_MODEL,
    parameters: [ACCEPT],
    statuses: [200, 202, 400, 404, 406],
  },
  {
    name: 'Delete',
    method: 'delete',
    path: /\/(studies\/:study|series\/:series|instances\/:instance)$/,
    consumes: [],
    produces: [],
    parameters: [],
    statuses: [204, 400, 403, 404, 409],
  },
  {
    name: 'Read Changes',
    method: 'get',
    path: /^\/changes$/,
    consumes: [],
    produces: ['application/json'],
    parameters: [
      { name: 'since', meaning: 'the number of the last change that is known; 0 is the beginning' },
      { name: 'limit', meaning: 'the largest number of changes, at most 1000' },
    ],
    statuses: [200, 400, 406, 410],
  },
  {
    name: 'Read Range of Changes',
    method: 'get',
    path: /^\/changes\/latest$/,
    consumes: [],
    produces: ['application/json'],
    parameters: [],
    statuses: [200, 406],
  },
  {
    name: 'Follow Changes',
    method: 'get',
    path: /^\/changes\/events$/,
    consumes: [],
    produces: ['text/event-stream'],
    parameters: [
      { name: 'since', meaning: 'the number to go on from, where the header Last-Event-ID does not say it' },
    ],
    statuses: [200, 400, 406, 410, 503],
  },
];

/** The description of a row of TRANSACTIONS; undefined for a row that nobody has described. */
export function describeTransaction(row: { readonly method: string; readonly path: string }): Description | undefined {
  return DESCRIPTIONS.find(({ method, path }) => method.split('|').includes(row.method) && path.test(row.path));
}

/** The resource as a URI template (RFC 6570) below the root. */
export function templateOf(path: string): string {
  return path.replace(/[:*](\w+)/g, '{$1}');
}
