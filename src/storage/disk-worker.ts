import { parentPort, workerData } from 'node:worker_threads';
import type { Order } from './disk-messages.ts';
import { type Folders, ObjectWriter } from './object-writer.ts';

if (parentPort) {
  const writer = new ObjectWriter(parentPort, workerData as Folders);
  parentPort.on('message', (order: Order) => writer.take(order));
}
