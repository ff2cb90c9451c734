import type { Request } from 'express';
import { includesType, type MediaType, parseAccept } from '../dicom/media-types.ts';
import { VoxgateError } from '../errors.ts';
import { parametersOf } from './addresses.ts';

/**
 * What this client takes, best first: the Accept header, or the parameter of that name, with which a link says it
 * (PS3.18 8.3.3.1). The "+" of "application/dicom+json" is a space there unless it was escaped.
 */
export function acceptedBy(request: Request): readonly MediaType[] {
  const parameter = parametersOf(request)
    .get('accept')
    ?.replace(/\/dicom (?=json|xml)/g, '/dicom+');
  return parseAccept(parameter || request.headers.accept).filter(({ q }) => q > 0);
}

const JSON_TYPES = ['application/dicom+json', 'application/json'] as const;

/**
 * The JSON media type of an answer (PS3.18 8.7.3): application/dicom+json unless only application/json is accepted.
 * @throws VoxgateError not-acceptable
 */
export function acceptJson(request: Request): string {
  for (const { type } of acceptedBy(request)) {
    const match = JSON_TYPES.find((candidate) => includesType(type, candidate));
    if (match) return match;
  }
  throw new VoxgateError('not-acceptable', `this resource is ${JSON_TYPES[0]}, and the Accept header takes none of it`);
}

/** One of the forms in which DICOM objects or their parts can be had. */
export interface Form {
  readonly multipart: boolean;
  /** "application/dicom", or the media type of frames or bulk data. */
  readonly type: string;
  /** What a range that names this type and no transfer syntax asks for; any where this is absent. */
  readonly defaultTransferSyntaxUid?: string;
}

/**
 * Whether an Accept range asks for objects in this form and transfer syntax. `type` may be quoted or not, a wildcard or
 * absent; a transfer-syntax parameter must name what is stored, or be "*" or absent: nothing is transcoded.
 */
function takes({ type, parameters }: MediaType, form: Form, transferSyntaxUid: string): boolean {
  const root = form.multipart && type !== '*/*' ? (parameters['type']?.toLowerCase() ?? '*/*') : type;
  if (form.multipart && !includesType(type, 'multipart/related')) return false;
  if (!includesType(root, form.type)) return false;
  const asked = parameters['transfer-syntax'] ?? (root === form.type ? form.defaultTransferSyntaxUid : undefined);
  return asked === undefined || asked === '*' || asked === transferSyntaxUid;
}

/**
 * The first form that the client takes for all of the objects as they are stored.
 * @throws VoxgateError not-acceptable naming the transfer syntaxes there are
 */
export function acceptStored<F extends Form>(
  request: Request,
  forms: readonly F[],
  transferSyntaxUids: readonly string[],
): F {
  const ranges = acceptedBy(request);
  const present = [...new Set(transferSyntaxUids)];
  for (const range of ranges) {
    const form = forms.find((candidate) => present.every((uid) => takes(range, candidate, uid)));
    if (form) return form;
  }
  // A list may name one syntax in each range; together they may take all objects.
  const together = forms.find((form) => present.every((uid) => ranges.some((range) => takes(range, form, uid))));
  if (together) return together;
  const types = new Set(forms.map(({ multipart, type }) => (multipart ? `multipart/related; type="${type}"` : type)));
  throw new VoxgateError(
    'not-acceptable',
    `held as ${[...types].join(' or ')} in transfer syntax ${present.join(', ')}, and the Accept header takes none of it`,
  );
}
