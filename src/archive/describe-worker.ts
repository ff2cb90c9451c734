import { closeSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { type LocatedValue, locateValue } from '../dicom/located-value.ts';
import { fileSource } from '../dicom/parse.ts';
import { type ErrorCode, type Subject, sentenceOf, VoxgateError } from '../errors.ts';
import { type DescribedObject, describeObject, type Told } from './describe-object.ts';

/** An object to be read, a whole PS3.10 file: all that the catalog records of it, or where one value lies. */
export type DescribeTask = { readonly path: string; readonly size: number } & (
  | { readonly told: Told }
  | { readonly value: string }
);

export type DescribeReply =
  | { readonly described: DescribedObject }
  | { readonly located: LocatedValue }
  | { readonly failed: string; readonly code?: ErrorCode; readonly subject?: Subject };

function perform(task: DescribeTask): DescribeReply {
  const fd = opened(task.path);
  try {
    const source = fileSource(fd, task.size);
    return 'told' in task
      ? { described: describeObject(source, task.told) }
      : { located: locateValue(source, task.value) };
  } finally {
    closeSync(fd);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new VoxgateError('not-found', `the stored object cannot be opened: ${sentenceOf(cause)}`, { cause });
  }
}

parentPort?.on('message', (task: DescribeTask) => {
  let reply: DescribeReply;
  try {
    reply = perform(task);
  } catch (error) {
    reply = { failed: sentenceOf(error) };
    if (error instanceof VoxgateError)
      reply = { ...reply, code: error.code, ...(error.subject === undefined ? {} : { subject: error.subject }) };
  }
  const bytes = 'located' in reply ? reply.located.bytes?.buffer : undefined;
  parentPort?.postMessage(reply, bytes instanceof ArrayBuffer ? [bytes] : []);
});
