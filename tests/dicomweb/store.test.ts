import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { items, number, text } from '../../src/dicom/read-values.ts';
import { VoxgateError } from '../../src/errors.ts';
import { StagedObject } from '../../src/storage/file-store.ts';
import { asFile, SECONDARY_CAPTURE } from '../support/instances.ts';
import { type Answer, ask, askJson, multipartOf, STOW_TYPE, stored, stow } from './client.ts';
import { aSharedNode } from './shared-node.ts';

const SETTLE_SECONDS = 300;
const shared = aSharedNode({ settleSeconds: SETTLE_SECONDS, idleSettleSeconds: 3000 });
const PATH = '/dicom-web/studies';

let studies = 0;

/** A study of its own for each test: n instances of one series. */
function aStudy(n = 1, fields = {}): { uid: string; series: string; instances: string[]; files: Buffer[] } {
  studies += 1;
  const uid = `1.2.3.100.${studies}`;
  const instances = Array.from({ length: n }, (_, i) => `${uid}.1.${i + 1}`);
  const files = instances.map((SOPInstanceUID, i) =>
    asFile({ StudyInstanceUID: uid, SeriesInstanceUID: `${uid}.1`, SOPInstanceUID, InstanceNumber: i + 1, ...fields }),
  );
  return { uid, series: `${uid}.1`, instances, files };
}

const responseOf = (answer: Answer): JsonDataset => JSON.parse(answer.text);
const referenced = (response: JsonDataset): (string | undefined)[] =>
  items(response, 'ReferencedSOPSequence').map((item) => text(item, 'ReferencedSOPInstanceUID'));

async function held(uid: string): Promise<number> {
  const [study] = await askJson(shared.http, `${PATH}?StudyInstanceUID=${uid}`);
  return study === undefined ? 0 : number(study, 'NumberOfStudyRelatedInstances')!;
}

async function bytesOf(study: string, series: string, instance: string): Promise<Buffer> {
  const answer = await ask(shared.http, `${PATH}/${study}/series/${series}/instances/${instance}`, {
    headers: { accept: 'application/dicom' },
  });
  expect(answer.status).toBe(200);
  return answer.body;
}

function post(headers: Record<string, string>, body: Buffer | string, path = PATH): Promise<Answer> {
  return ask(shared.http, path, { method: 'POST', headers: { accept: 'application/dicom+json', ...headers }, body });
}

describe('STOW-RS (PS3.18 10.5)', () => {
  it('stores every part of a multipart body and names where it can be had (Table I.1-1)', async () => {
    const { uid, series, instances, files } = aStudy(3);
    const answer = await stow(shared.http, files);
    expect(answer.status).toBe(200);
    expect(answer.type).toBe('application/dicom+json');
    const response = responseOf(answer);
    expect(referenced(response)).toEqual(instances);
    expect(text(response, 'RetrieveURL')).toBe(`${shared.http}${PATH}/${uid}`);
    expect(items(response, 'ReferencedSOPSequence')[0]).toEqual({
      '00081150': { vr: 'UI', Value: [SECONDARY_CAPTURE] },
      '00081155': { vr: 'UI', Value: [instances[0]] },
      '00081190': { vr: 'UR', Value: [`${shared.http}${PATH}/${uid}/series/${series}/instances/${instances[0]}`] },
    });
    expect(response['00081198']).toBeUndefined();
    for (const [i, file] of files.entries()) expect(await bytesOf(uid, series, instances[i]!)).toEqual(file);
  });

  it.each([
    ['quoted type and boundary', 'multipart/related; type="application/dicom"; boundary="a-boundary"'],
    ['unquoted type and boundary', 'multipart/related; type=application/dicom; boundary=a-boundary'],
    ['the boundary first', 'multipart/related;boundary=a-boundary;type="application/dicom"'],
    ['capitals', 'Multipart/Related; Type="Application/DICOM"; Boundary=a-boundary'],
    ['no type', 'multipart/related; boundary=a-boundary'],
    ['a start parameter', 'multipart/related; type="application/dicom"; start="<1>"; boundary=a-boundary'],
  ])('takes a Content-Type with %s', async (_name, contentType) => {
    const { files, instances } = aStudy();
    const answer = await post({ 'content-type': contentType }, multipartOf(files));
    expect(answer.status).toBe(200);
    expect(referenced(responseOf(answer))).toEqual(instances);
  });

  it('takes parts without a Content-Type and parts with parameters', async () => {
    const plain = aStudy();
    const named = aStudy();
    const without = await post({ 'content-type': STOW_TYPE }, multipartOf(plain.files, { partType: null }));
    const parameters = await post(
      { 'content-type': STOW_TYPE },
      multipartOf(named.files, { partType: 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1' }),
    );
    expect([without.status, parameters.status]).toEqual([200, 200]);
  });

  it('takes one file as the whole body, of Content-Type application/dicom', async () => {
    const { uid, series, instances, files } = aStudy();
    const answer = await post({ 'content-type': 'application/dicom' }, files[0]!);
    expect(answer.status).toBe(200);
    expect(referenced(responseOf(answer))).toEqual(instances);
    expect(await bytesOf(uid, series, instances[0]!)).toEqual(files[0]);
  });

  it('takes a chunked body', async () => {
    const { files, instances } = aStudy(2);
    const answer = await post({ 'content-type': STOW_TYPE, 'transfer-encoding': 'chunked' }, multipartOf(files));
    expect(referenced(responseOf(answer))).toEqual(instances);
  });

  it('stores what is good beside what is broken: 202, with what failed and why', async () => {
    const { uid, files, instances } = aStudy(2);
    const answer = await stow(shared.http, [files[0]!, Buffer.from('this is no DICOM file'), files[1]!]);
    expect(answer.status).toBe(202);
    const response = responseOf(answer);
    expect(referenced(response)).toEqual(instances);
    const [failure, ...more] = items(response, 'OtherFailuresSequence');
    expect(more).toEqual([]);
    expect(number(failure!, 'FailureReason')).toBe(0xc000);
    expect(text(failure!, 'ErrorComment')).toMatch(/\w/);
    expect(await held(uid)).toBe(2);
  });

  it('names the instance of a part that says which it is and cannot be kept (Failed SOP Sequence)', async () => {
    const good = aStudy();
    const bad = aStudy(1, { SeriesInstanceUID: null });
    const answer = await stow(shared.http, [...good.files, ...bad.files]);
    expect(answer.status).toBe(202);
    const [failure] = items(responseOf(answer), 'FailedSOPSequence');
    expect(text(failure!, 'ReferencedSOPClassUID')).toBe(SECONDARY_CAPTURE);
    expect(text(failure!, 'ReferencedSOPInstanceUID')).toBe(bad.instances[0]);
    expect(number(failure!, 'FailureReason')).toBe(0xc000);
    expect(text(failure!, 'ErrorComment')).toContain('Series Instance UID');
  });

  it('answers 409 when nothing could be stored, with an empty Retrieve URL', async () => {
    const answer = await stow(shared.http, [Buffer.from('no'), Buffer.alloc(0), Buffer.alloc(3000)]);
    expect(answer.status).toBe(409);
    const response = responseOf(answer);
    expect(items(response, 'OtherFailuresSequence')).toHaveLength(3);
    expect(response['00081190']).toEqual({ vr: 'UR' });
    expect(response['00081199']).toBeUndefined();
    expect(shared.staged()).toEqual([]);
  });

  it('does not quote what is no UID as the UID of a failed object', async () => {
    const answer = await stow(shared.http, [asFile({ SOPInstanceUID: 'DOE JOHN' })]);
    expect(answer.status).toBe(409);
    expect(answer.text).not.toContain('DOE');
    expect(items(responseOf(answer), 'OtherFailuresSequence')).toHaveLength(1);
  });

  it.each([
    ['a multipart without parts', STOW_TYPE, '--a-boundary--\r\n'],
    ['an empty body', STOW_TYPE, ''],
    ['an empty single part', 'application/dicom', ''],
  ])('answers 400 to a request without an object: %s', async (_name, contentType, body) => {
    const answer = await post({ 'content-type': contentType }, body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toMatch(/DICOM object|closing delimiter/);
  });

  it.each([
    ['a form', 'multipart/form-data; boundary=a-boundary'],
    ['plain JSON', 'application/json'],
    ['octets', 'application/octet-stream'],
  ])('answers 415 to %s', async (_name, contentType) => {
    const { uid, files } = aStudy();
    expect((await post({ 'content-type': contentType }, multipartOf(files))).status).toBe(415);
    expect(await held(uid)).toBe(0);
  });

  it('answers 415 to a Content-Encoding that it does not undo, and says which it does (RFC 9110 15.5.16)', async () => {
    const { files } = aStudy();
    const answer = await post({ 'content-type': STOW_TYPE, 'content-encoding': 'zstd' }, multipartOf(files));
    expect(answer.status).toBe(415);
    expect(answer.headers['accept-encoding']).toBe('gzip, deflate, br');
  });

  it('answers 400 to a Content-Type that is none, and to a multipart without a boundary', async () => {
    const { files } = aStudy();
    const body = multipartOf(files);
    expect((await post({ 'content-type': ';;;' }, body)).status).toBe(400);
    expect((await post({}, body)).status).toBe(400);
    expect((await post({ 'content-type': 'multipart/related; type="application/dicom"' }, body)).status).toBe(400);
    expect((await post({ 'content-type': `multipart/related; boundary=${'b'.repeat(300)}` }, body)).status).toBe(400);
  });

  it('fails a part of another media type and spares the others', async () => {
    const { files, instances } = aStudy();
    const body = Buffer.concat([
      Buffer.from('--a-boundary\r\nContent-Type: application/json\r\n\r\n{}\r\n'),
      Buffer.from('--a-boundary\r\nContent-Type: nonsense\r\n\r\nx\r\n'),
      multipartOf(files),
    ]);
    const answer = await post({ 'content-type': STOW_TYPE }, body);
    expect(answer.status).toBe(202);
    expect(referenced(responseOf(answer))).toEqual(instances);
    expect(items(responseOf(answer), 'OtherFailuresSequence')).toHaveLength(2);
  });

  it('answers 400 to a body without its end, and keeps nothing of the part that is cut', async () => {
    const { uid, files } = aStudy();
    const body = multipartOf(files);
    const answer = await post({ 'content-type': STOW_TYPE }, body.subarray(0, body.length - 40));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toContain('ends before its closing delimiter');
    expect(await held(uid)).toBe(0);
    expect(shared.staged()).toEqual([]);
  });

  it('tells what was stored when the body is cut after it: 202, for that stays', async () => {
    const { uid, files, instances } = aStudy(2);
    const body = multipartOf(files);
    const answer = await post({ 'content-type': STOW_TYPE }, body.subarray(0, body.length - 40));
    expect(answer.status).toBe(202);
    expect(referenced(responseOf(answer))).toEqual([instances[0]]);
    expect(items(responseOf(answer), 'OtherFailuresSequence')).toHaveLength(1);
    expect(await held(uid)).toBe(1);
    expect(shared.staged()).toEqual([]);
  });

  it('keeps nothing of an object whose sender leaves in the middle, and says so as no fault of ours', async () => {
    const { uid, files } = aStudy();
    const { port } = new URL(shared.http);
    const socket = connect(Number(port), '127.0.0.1');
    const body = multipartOf(files);
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: ${STOW_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, body.length - 100));
    for (let tries = 0; shared.staged().length === 0 && tries < 100; tries += 1) await sleep(20);
    expect(shared.staged()).toHaveLength(1);
    const errorsBefore = shared.log().split('"level":50').length;
    socket.destroy();
    for (let tries = 0; shared.staged().length > 0 && tries < 100; tries += 1) await sleep(20);
    expect(shared.staged()).toEqual([]);
    expect(await held(uid)).toBe(0);
    expect(shared.log().split('"level":50')).toHaveLength(errorsBefore);
  });

  it('keeps the connection usable after a refusal in the middle of a body', async () => {
    const { port } = new URL(shared.http);
    const socket = connect(Number(port), '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
    });
    const garbage = Buffer.from(`--a-boundary\r\n${'x'.repeat(40_000)}`);
    const body = Buffer.concat([garbage, Buffer.alloc(2_000_000, 0x41)]);
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: ${STOW_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body);
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    for (let tries = 0; !seen.includes('"live":true') && tries < 200; tries += 1) await sleep(20);
    socket.destroy();
    expect(seen).toContain('413 Payload Too Large');
    expect(seen).toContain('"live":true');
  });

  it('holds a study-scoped request to its study: 409 with A900H for objects of another (10.5.1.1)', async () => {
    const mine = aStudy();
    const other = aStudy();
    const mixed = await stow(shared.http, [...mine.files, ...other.files], mine.uid);
    expect(mixed.status).toBe(202);
    expect(referenced(responseOf(mixed))).toEqual(mine.instances);
    const [failure] = items(responseOf(mixed), 'FailedSOPSequence');
    expect(number(failure!, 'FailureReason')).toBe(0xa900);
    const alone = await stow(shared.http, other.files, mine.uid);
    expect(alone.status).toBe(409);
    expect(await held(other.uid)).toBe(0);
  });

  it('answers 400 to a study-scoped request whose path is no UID', async () => {
    const { files } = aStudy();
    expect((await stow(shared.http, files, 'not%20a%20uid')).status).toBe(400);
  });

  it('answers 200 to the same object again, and keeps one', async () => {
    const { uid, files, instances } = aStudy();
    await stored(shared.http, files);
    const again = await stow(shared.http, files);
    expect(again.status).toBe(200);
    expect(referenced(responseOf(again))).toEqual(instances);
    const twice = await stow(shared.http, [...files, ...files]);
    expect(twice.status).toBe(200);
    expect(await held(uid)).toBe(1);
  });

  it('answers 202 with a Warning Reason to other content under a known UID, and serves the first', async () => {
    const { uid, series, files, instances } = aStudy();
    await stored(shared.http, files);
    const changed = asFile(
      { StudyInstanceUID: uid, SeriesInstanceUID: series, SOPInstanceUID: instances[0]! },
      Buffer.alloc(16, 7),
    );
    const answer = await stow(shared.http, [changed]);
    expect(answer.status).toBe(202);
    const [reference] = items(responseOf(answer), 'ReferencedSOPSequence');
    expect(number(reference!, 'WarningReason')).toBe(0xb000);
    expect(reference!['00081190']).toEqual({ vr: 'UR' });
    expect(await bytesOf(uid, series, instances[0]!)).toEqual(files[0]);
    expect(await held(uid)).toBe(1);
  });

  it('answers 202 with B007H to an object that breaks off and is kept as it came', async () => {
    const { uid, series, files, instances } = aStudy();
    const cut = files[0]!.subarray(0, files[0]!.length - 6);
    const answer = await stow(shared.http, [cut]);
    expect(answer.status).toBe(202);
    expect(number(items(responseOf(answer), 'ReferencedSOPSequence')[0]!, 'WarningReason')).toBe(0xb007);
    expect(await bytesOf(uid, series, instances[0]!)).toEqual(cut);
  });

  it('answers 406, and stores nothing, when the response can be had in no form that is accepted', async () => {
    const { uid, files } = aStudy();
    const answer = await post({ 'content-type': STOW_TYPE, accept: 'text/html' }, multipartOf(files));
    expect(answer.status).toBe(406);
    expect(await held(uid)).toBe(0);
  });

  it('answers application/json to those who take nothing else', async () => {
    const { files } = aStudy();
    const answer = await post({ 'content-type': STOW_TYPE, accept: 'application/json' }, multipartOf(files));
    expect([answer.status, answer.type]).toEqual([200, 'application/json']);
  });

  it('stores a hundred parts of one request, each once', async () => {
    const { uid, files, instances } = aStudy(100);
    const answer = await stow(shared.http, files);
    expect(answer.status).toBe(200);
    expect(referenced(responseOf(answer))).toEqual(instances);
    expect(await held(uid)).toBe(100);
  });

  it('is held up by no neighbour: parallel requests for one study all succeed', async () => {
    const { uid, files } = aStudy(24);
    const answers = await Promise.all(files.map((file) => stow(shared.http, [file])));
    expect(answers.map(({ status }) => status)).toEqual(files.map(() => 200));
    expect(await held(uid)).toBe(24);
  });

  it('never writes who the patient is into its log or its refusals', async () => {
    const secret = { PatientName: { Alphabetic: 'SECRETNAME^X' }, PatientID: 'SECRETID', PatientBirthDate: '19010203' };
    const good = aStudy(1, secret);
    await stored(shared.http, good.files);
    const conflict = asFile({
      ...secret,
      StudyInstanceUID: good.uid,
      SeriesInstanceUID: good.series,
      SOPInstanceUID: good.instances[0]!,
      Rows: 2,
    });
    const refused = asFile({ ...secret, StudyInstanceUID: null });
    const answers = [
      await stow(shared.http, [conflict]),
      await stow(shared.http, [refused]),
      await stow(shared.http, good.files, '1.2.3'),
    ];
    for (const { text: said } of answers) expect(said).not.toMatch(/SECRET|19010203/);
    expect(shared.log()).not.toMatch(/SECRET|19010203/);
  });

  it('has the analysis of the series on its way before it answers, soon rather than after the long quiet time', async () => {
    const { series, files } = aStudy();
    await stored(shared.http, files);
    const [job] = await shared.sql(
      `SELECT extract(epoch FROM run_at - now())::float AS seconds FROM graphile_worker.jobs WHERE key LIKE $1`,
      [`%${series}`],
    );
    expect(job?.['seconds']).toBeLessThanOrEqual(SETTLE_SECONDS);
  });

  it('answers 503 with A700H and Retry-After when the disk is full, and goes on with what fits', async () => {
    const { files } = aStudy(2);
    const full = vi
      .spyOn(StagedObject.prototype, 'flush')
      .mockRejectedValueOnce(new VoxgateError('out-of-resources', 'the object cannot be written: ENOSPC'));
    const first = await stow(shared.http, [files[0]!]);
    expect(first.status).toBe(503);
    expect(first.headers['retry-after']).toBe('30');
    expect(number(items(responseOf(first), 'OtherFailuresSequence')[0]!, 'FailureReason')).toBe(0xa700);
    full.mockRejectedValueOnce(new VoxgateError('out-of-resources', 'the object cannot be written: ENOSPC'));
    const large = asFile({ SOPInstanceUID: '1.2.3.101', Rows: 2048, Columns: 1024 }, Buffer.alloc(2 ** 21));
    const second = await stow(shared.http, [large, files[1]!]);
    full.mockRestore();
    expect(second.status).toBe(202);
    expect(referenced(responseOf(second))).toHaveLength(1);
    expect(number(items(responseOf(second), 'OtherFailuresSequence')[0]!, 'FailureReason')).toBe(0xa700);
    expect(shared.staged()).toEqual([]);
  });

  it('answers our own bug with 0110H and no word of it', async () => {
    const { files } = aStudy();
    const broken = vi.spyOn(StagedObject.prototype, 'flush').mockRejectedValueOnce(new TypeError('x is undefined'));
    const answer = await stow(shared.http, files);
    broken.mockRestore();
    expect(answer.status).toBe(409);
    expect(number(items(responseOf(answer), 'OtherFailuresSequence')[0]!, 'FailureReason')).toBe(0x0110);
    expect(answer.text).not.toContain('undefined');
    expect(shared.log()).toContain('x is undefined');
  });
});
