import { includesType, type MediaType, parseAccept } from '../dicom/media-types.ts';
import { VoxgateError } from '../errors.ts';

const JSON_TYPES = ['application/dicom+json', 'application/json'] as const;

/**
 * The JSON media type of an answer (PS3.18 8.7.3): application/dicom+json unless only application/json is accepted.
 * @throws VoxgateError not-acceptable
 */
export function acceptJson(header: string | undefined): string {
  const ranges = parseAccept(header).filter(({ q }) => q > 0);
  for (const { type } of ranges) {
    const match = JSON_TYPES.find((candidate) => includesType(type, candidate));
    if (match) return match;
  }
  throw new VoxgateError('not-acceptable', `this resource is ${JSON_TYPES[0]}, and the Accept header takes none of it`);
}

/** One of the forms in which DICOM objects or their parts can be had. */
export interface Form {
  readonly multipart: boolean;
  /** "application/dicom", or the media type of frames. */
  readonly type: string;
}

/**
 * Whether an Accept range asks for objects in this form and transfer syntax. `type` may be quoted or not, "*" + "/*" or
 * absent; a transfer-syntax parameter must name what is stored, or be "*" or absent: nothing is transcoded.
 */
function takes({ type, parameters }: MediaType, form: Form, transferSyntaxUid: string): boolean {
  const syntax = parameters['transfer-syntax'];
  if (syntax !== undefined && syntax !== '*' && syntax !== transferSyntaxUid) return false;
  if (!form.multipart) return includesType(type, form.type);
  if (type === '*/*') return true;
  if (!includesType(type, 'multipart/related')) return false;
  const root = parameters['type']?.toLowerCase();
  return root === undefined || includesType(root, form.type);
}

/**
 * The first form that the Accept header takes for all of the objects as they are stored.
 * @throws VoxgateError not-acceptable naming the transfer syntaxes there are
 */
export function acceptStored<F extends Form>(
  header: string | undefined,
  forms: readonly F[],
  transferSyntaxUids: readonly string[],
): F {
  const ranges = parseAccept(header).filter(({ q }) => q > 0);
  for (const range of ranges) {
    const form = forms.find((candidate) => transferSyntaxUids.every((uid) => takes(range, candidate, uid)));
    if (form) return form;
  }
  // A list may name one syntax in each range; together they may take all objects.
  const together = forms.find((form) =>
    transferSyntaxUids.every((uid) => ranges.some((range) => takes(range, form, uid))),
  );
  if (together) return together;
  const types = forms.map(({ multipart, type }) => (multipart ? `multipart/related; type="${type}"` : type));
  throw new VoxgateError(
    'not-acceptable',
    `held as ${types.join(' or ')} in transfer syntax ${[...new Set(transferSyntaxUids)].join(', ')}, and the Accept header takes none of it`,
  );
}
