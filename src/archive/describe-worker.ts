import { closeSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { fileSource } from '../dicom/parse.ts';
import { type ErrorCode, type Subject, sentenceOf, VoxgateError } from '../errors.ts';
import { type DescribedObject, describeObject, type Told } from './describe-object.ts';

/** An object to be read: a whole PS3.10 file. */
export interface DescribeTask {
  readonly path: string;
  readonly size: number;
  readonly told: Told;
}

export type DescribeReply =
  | { readonly described: DescribedObject }
  | { readonly failed: string; readonly code?: ErrorCode; readonly subject?: Subject };

function describe({ path, size, told }: DescribeTask): DescribedObject {
  const fd = opened(path);
  try {
    return describeObject(fileSource(fd, size), told);
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
    reply = { described: describe(task) };
  } catch (error) {
    reply = { failed: sentenceOf(error) };
    if (error instanceof VoxgateError)
      reply = { ...reply, code: error.code, ...(error.subject === undefined ? {} : { subject: error.subject }) };
  }
  parentPort?.postMessage(reply);
});
