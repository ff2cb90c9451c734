import type { Request, Response } from 'express';
import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { formatMediaType } from '../dicom/media-types.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { VoxgateError } from '../errors.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import { entityTag, isAnswered, type Validators } from './conditional.ts';
import { type ObjectPlan, type ObjectTranscoder, planObjects } from './object-plan.ts';
import type { DicomwebParts } from './router.ts';
import { leaving, sendSized, sendStream } from './send-body.ts';
import { sendZip } from './send-zip.ts';

/** One object as it leaves. */
interface Outgoing {
  readonly transferSyntaxUid: string;
  readonly size: number;
  stream(): AsyncIterable<Buffer>;
  dispose(): Promise<void>;
}

/**
 * Study, series or instance as PS3.10 files (PS3.18 10.4.1.1.1): byte for byte as stored, unless another transfer syntax
 * is asked for and can be made. Each object is read when the one before it has been taken.
 */
export async function retrieveInstances(
  { archive, transcoder }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const place = placeOf(request);
  const instances = await archive.locate(place);
  const [first] = instances;
  if (first === undefined) throw new VoxgateError('not-found', 'nothing is held under this address');
  const plan = planObjects(request, instances, transcoder);
  const validators = validatorsOf(request, instances, plan);
  if (plan.form === 'zip') {
    response.vary('Accept');
    // Compressed anew each time: the same files, but not surely the same bytes.
    if (isAnswered(request, response, { ...validators, etag: `W/${validators.etag}` })) return;
    await sendZip(request, response, { archive, instances, name: place.studyInstanceUid ?? 'objects' });
    return;
  }
  const outgoing = outgoingFrom({ archive, transcoder, plan, signal: leaving(response) });
  if (plan.form === 'single') await sendSingle(request, response, { archive, first, plan, validators, outgoing });
  else await sendMultipart(request, response, { instances, plan, validators, outgoing });
}

type Open = (instance: LocatedInstance) => Promise<Outgoing>;

function outgoingFrom({
  archive,
  transcoder,
  plan,
  signal,
}: {
  readonly archive: Archive;
  readonly transcoder: ObjectTranscoder | undefined;
  readonly plan: ObjectPlan;
  readonly signal: AbortSignal;
}): Open {
  return async (instance) => {
    const { transferSyntaxUid: stored, size } = instance;
    const wanted = plan.syntaxes.get(stored) ?? stored;
    const asStored = { transferSyntaxUid: stored, size, stream: storedBytes(archive, instance), dispose: nothing };
    if (wanted === stored || transcoder === undefined) return asStored;
    try {
      const made = await transcoder.transcode(instance, wanted, signal);
      return { transferSyntaxUid: wanted, size: made.size, stream: () => made.stream(), dispose: () => made.dispose() };
    } catch (error) {
      // Who names no transfer syntax is given what there is (PS3.18 8.7.3.5.2).
      if (plan.byDefault.has(stored) && error instanceof VoxgateError && error.code !== 'bad-request') return asStored;
      throw error;
    }
  };
}

async function nothing(): Promise<void> {}

/** One read of a CT slice takes half the time of a stream, and is done while the one before it is sent. */
const READ_WHOLE = 1024 * 1024;

function storedBytes(archive: Archive, instance: LocatedInstance): () => AsyncIterable<Buffer> {
  if (instance.size > READ_WHOLE) return () => archive.stream(instance);
  const whole = archive.readFile(instance);
  // It fails where it is taken; until then nobody listens.
  whole.catch(() => undefined);
  return () => once(whole);
}

async function* once(whole: Promise<Buffer>): AsyncGenerator<Buffer, void> {
  yield await whole;
}

function validatorsOf(request: Request, instances: readonly LocatedInstance[], plan: ObjectPlan): Validators {
  const parts: string[] = [plan.form];
  if (plan.form === 'multipart') parts.push(rootOf(request));
  let newest = 0;
  for (const { storageKey, transferSyntaxUid, receivedAt } of instances) {
    parts.push(storageKey, plan.syntaxes.get(transferSyntaxUid) ?? '');
    newest = Math.max(newest, receivedAt.getTime());
  }
  return { etag: entityTag(parts), lastModified: new Date(newest), dateDecides: instances.length === 1 };
}

function typeOf(transferSyntaxUid: string): string {
  return formatMediaType('application/dicom', { 'transfer-syntax': transferSyntaxUid });
}

interface Single {
  readonly archive: Archive;
  readonly first: LocatedInstance;
  readonly plan: ObjectPlan;
  readonly validators: Validators;
  readonly outgoing: Open;
}

async function sendSingle(request: Request, response: Response, single: Single): Promise<void> {
  const { archive, first, plan, validators, outgoing } = single;
  const stored = first.transferSyntaxUid;
  if (plan.syntaxes.get(stored) === stored) {
    const read = (start: number, end: number): AsyncIterable<Buffer> =>
      end - start > READ_WHOLE
        ? archive.stream(first, start, end)
        : once(archive.readRanges(first, [[start, end - start]]));
    await sendSized(request, response, { contentType: typeOf(stored), size: first.size, validators, read });
    return;
  }
  response.vary('Accept');
  if (isAnswered(request, response, validators)) return;
  const object = await outgoing(first);
  try {
    response.setHeader('content-type', typeOf(object.transferSyntaxUid)).setHeader('content-length', object.size);
    if (request.method !== 'HEAD') await sendStream(response, object.stream(), object.size);
    response.end();
  } finally {
    await object.dispose();
  }
}

interface Multipart {
  readonly instances: readonly LocatedInstance[];
  readonly plan: ObjectPlan;
  readonly validators: Validators;
  readonly outgoing: Open;
}

async function sendMultipart(
  request: Request,
  response: Response,
  { instances, plan, validators, outgoing }: Multipart,
): Promise<void> {
  response.vary('Accept');
  if (isAnswered(request, response, validators)) return;
  const root = rootOf(request);
  // The same tag is the same bytes, the boundary included; it comes from names that only this node knows.
  const name = validators.etag.replaceAll('"', '');
  const headOf = (
    multipart: MultipartWriter,
    instance: LocatedInstance,
    { transferSyntaxUid, size }: Pick<Outgoing, 'transferSyntaxUid' | 'size'>,
  ): Buffer =>
    multipart.head({
      'Content-Type': typeOf(transferSyntaxUid),
      'Content-Length': String(size),
      'Content-Location': retrieveUrl(root, instance),
    });
  const multipart = new MultipartWriter(name);
  response.setHeader('content-type', multipart.contentType('application/dicom'));
  if ([...plan.syntaxes].every(([stored, wanted]) => stored === wanted)) {
    const measured = new MultipartWriter(name);
    let length = 0;
    for (const instance of instances) length += headOf(measured, instance, instance).length + instance.size;
    response.setHeader('content-length', length + measured.end().length);
  }
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const isStored = (instance: LocatedInstance): boolean =>
    plan.syntaxes.get(instance.transferSyntaxUid) === instance.transferSyntaxUid;
  let next: Promise<Outgoing> | undefined;
  for (const [at, instance] of instances.entries()) {
    const object = await (next ?? outgoing(instance));
    const following = instances[at + 1];
    // What is made for the occasion would be left lying when the client leaves.
    next = following !== undefined && isStored(following) ? outgoing(following) : undefined;
    try {
      await sendStream(response, object.stream(), object.size, headOf(multipart, instance, object));
    } finally {
      await object.dispose();
    }
  }
  response.end(multipart.end());
}
