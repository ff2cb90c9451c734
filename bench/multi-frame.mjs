// Multi-frame objects that are larger than a sender should hold: the same pixels again and again, made while they go.
import { Association, hex, storeCommandPdu } from './association.mjs';
import { fileHead, MULTI_FRAME_WORD, multiFrameHead, noise, uid } from './dicom.mjs';
import { Client, firstPart } from './http.mjs';
import { dataPdus } from './pdu.mjs';
import { expect, FRAMES, instancePath, secondsSince } from './storing.mjs';

export const FRAME_BYTES = 512 * 512 * 2;
/** Two frames: what is repeated. */
const BLOCK = noise(FRAME_BYTES);
const MULTIPART = 'multipart/related; type="application/dicom"; boundary=voxgatebench';

/** @param {number} frames of 512 x 512 x 16 bit; an even number */
export function multiFrame(frames) {
  const object = { frames, study: uid(), series: uid(), sop: uid() };
  return { ...object, head: multiFrameHead(object) };
}

/** Resolves to the seconds from the first byte to the response. */
export async function sendMultiFrame(sender, { frames, sop, head }) {
  const { pduLength } = sender;
  const block = dataPdus(BLOCK, { last: false, pduLength });
  const end = dataPdus(BLOCK, { pduLength });
  const before = performance.now();
  await sender.write(storeCommandPdu(MULTI_FRAME_WORD, sop));
  await sender.write(dataPdus(head, { last: false, pduLength }));
  for (let sent = 2; sent < frames; sent += 2) await sender.write(block);
  const status = await sender.store(end);
  expect(status === 0, `C-STORE ended with status ${hex(status)}`);
  return secondsSince(before);
}

export const openSender = (server) => Association.open(server.dimse, [{ sopClass: MULTI_FRAME_WORD }]);

/** The same object by STOW-RS; seconds. */
export async function stowMultiFrame(server, { frames, sop, head }) {
  const start = Buffer.concat([
    Buffer.from('--voxgatebench\r\nContent-Type: application/dicom\r\n\r\n'),
    fileHead(MULTI_FRAME_WORD, sop),
    head,
  ]);
  const end = Buffer.from('\r\n--voxgatebench--\r\n');
  const client = new Client(server.web, 1);
  const before = performance.now();
  const answer = await client.send('POST', '/studies', {
    accept: 'application/dicom+json',
    headers: { 'content-type': MULTIPART, 'content-length': start.length + frames * FRAME_BYTES + end.length },
    body: async (outgoing) => {
      outgoing.write(start);
      for (let sent = 0; sent < frames; sent += 2)
        if (!outgoing.write(BLOCK)) await new Promise((resolve) => outgoing.once('drain', resolve));
      outgoing.end(end);
    },
  });
  expect(answer.status === 200, `STOW-RS ended with HTTP ${answer.status}`);
  const seconds = secondsSince(before);
  client.close();
  return seconds;
}

/** Its first and its last frame are what was sent. */
export async function verifyMultiFrame(server, object) {
  const client = new Client(server.web, 1);
  for (const [frame, pixels] of [
    [1, BLOCK.subarray(0, FRAME_BYTES)],
    [object.frames, BLOCK.subarray(-FRAME_BYTES)],
  ]) {
    const answer = await client.get(`${instancePath(object)}/frames/${frame}`, FRAMES);
    expect(firstPart(answer).equals(pixels), `frame ${frame} differs`);
  }
  client.close();
}
