import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import type { OutgoingObject } from '../../src/peers/peer.ts';
import { anInstance, SECONDARY_CAPTURE } from '../support/instances.ts';
import { EXPLICIT } from '../support/raw-scu.ts';
import { aFolder } from '../support/test-node.ts';

export type Outgoing = OutgoingObject & { readonly bytes: Buffer };

interface Said extends Partial<OutgoingObject> {
  readonly number?: number;
  readonly fields?: Fields;
}

/** A small object as the archive would hand it out. */
export function anOutgoing({ number = 1, fields = {}, ...said }: Said = {}): Outgoing {
  const sopInstanceUid = said.sopInstanceUid ?? `1.2.3.4.1.1.${number}`;
  const sopClassUid = said.sopClassUid ?? SECONDARY_CAPTURE;
  const transferSyntaxUid = said.transferSyntaxUid ?? EXPLICIT;
  const content = anInstance({
    SOPInstanceUID: sopInstanceUid,
    SOPClassUID: sopClassUid,
    InstanceNumber: number,
    ...fields,
  });
  const bytes = encodePart10(dataset(content), { transferSyntaxUid, binary: { '7FE00010': new Uint8Array(16) } });
  const { dataSetOffset } = parsePart10(bufferSource(bytes));
  return {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    dataSetOffset,
    bytes,
    path: said.path ?? written(bytes),
    size: bytes.length,
  };
}

function written(bytes: Buffer): string {
  const path = join(aFolder(), 'object.dcm');
  writeFileSync(path, bytes);
  return path;
}

/** A port before another one that counts who comes. */
export async function aCounter(port: number): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((caller) => {
    connections += 1;
    const onward = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [caller, onward],
      [onward, caller],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, connections: () => connections };
}

/** A port nobody listens at. */
export async function aClosedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
