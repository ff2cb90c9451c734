import { describe, expect, it, vi } from 'vitest';
import { IMPLEMENTATION_CLASS_UID } from '../../src/dicom/implementation.ts';
import { bufferSource, parseDataSet } from '../../src/dicom/parse.ts';
import { number } from '../../src/dicom/read-values.ts';
import type { Service } from '../../src/dimse/service.ts';
import { readUserItems, roleItem } from '../../src/network/negotiation.ts';
import type { CallerPolicy, PeerSettings } from '../../src/peer-settings.ts';
import { aDoor, LOOPBACK, type TestDoor } from '../support/a-door.ts';
import { anAuthority } from '../support/certificates.ts';
import { encoded, SECONDARY_CAPTURE } from '../support/instances.ts';
import { getJson } from '../support/node-process.ts';
import {
  type AssociateOptions,
  command,
  contextResults,
  EXPLICIT,
  IMPLICIT,
  pData,
  pdu,
  pdv,
  RawScu,
  type ReceivedPdu,
  storeCommand,
} from '../support/raw-scu.ts';
import { aFolder, aNode } from '../support/test-node.ts';

const VERIFICATION = '1.2.840.10008.1.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const PRIVATE = '1.2.840.113619.4.26';
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const MPPS = '1.2.840.10008.3.1.2.3.3';
const ACCEPTED = 0x02;

const proposing = (...uids: string[]) =>
  uids.map((abstractSyntax) => ({ abstractSyntax, transferSyntaxes: [EXPLICIT, IMPLICIT] }));

const peer = (name: string, policy: Partial<PeerSettings> = {}): PeerSettings => ({ name, aeTitle: 'CT1', ...policy });

/** PDU type, and of a rejection result, source and reason. */
const outcome = ({ type, content }: ReceivedPdu): number[] =>
  type === ACCEPTED ? [type] : [type, ...content.subarray(1, 4)];

async function call({ port }: TestDoor, options: AssociateOptions = {}): Promise<number[]> {
  const { scu, answer } = await RawScu.associate(port, proposing(VERIFICATION), { calling: 'CT1', ...options });
  scu.destroy();
  return outcome(answer);
}

const doorFor = (...peers: PeerSettings[]) => aDoor({ plain: LOOPBACK, admission: { peers } });

/** Answers one C-FIND until it is cancelled. */
const endless: Service = {
  sopClasses: [FIND, MPPS],
  requests: ['C-FIND-RQ'],
  async perform(request) {
    while (!request.signal.aborted) {
      await request.respond({ status: 0xff00 }, Buffer.alloc(64));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await request.respond({ status: 0xfe00 });
  },
};

describe('a caller of the DIMSE door', () => {
  it('is the peer of its AE title only from the addresses of the settings, unknown callers allowed or not', async () => {
    const near = await doorFor(peer('near', { addresses: ['10.0.0.0/8', '127.0.0.0/30'] }));
    expect(await call(near)).toEqual([ACCEPTED]);
    expect(await call(near, { from: '127.0.0.9' })).toEqual([0x03, 1, 1, 3]);
    expect(await call(near, { from: '127.0.0.9', calling: 'STRANGER' })).toEqual([ACCEPTED]);
    await vi.waitFor(() =>
      expect(near.callers().refused).toMatchObject([{ callingAe: 'CT1', address: '127.0.0.9', kind: 'address' }]),
    );
  });

  it('may be one of several peers of the same AE title', async () => {
    const door = await doorFor(peer('a', { addresses: ['127.0.0.1'] }), peer('b', { addresses: ['127.0.0.2'] }));
    expect(await call(door)).toEqual([ACCEPTED]);
    expect(await call(door, { from: '127.0.0.2' })).toEqual([ACCEPTED]);
    await vi.waitFor(() =>
      expect(
        door
          .callers()
          .admitted.map((one) => one.peer)
          .sort(),
      ).toEqual(['a', 'b']),
    );
  });

  it('that is not a peer comes in under the policy for unknown ones', async () => {
    const door = await aDoor({
      plain: LOOPBACK,
      admission: { unknownPeers: { addresses: ['127.0.0.2'], services: ['verify'] } },
    });
    expect(await call(door)).toEqual([0x03, 1, 1, 3]);
    const { answer } = await RawScu.associate(door.port, proposing(VERIFICATION, CT), { from: '127.0.0.2' });
    expect(contextResults(answer)).toEqual([0, 1]);
  });

  it('proves itself by its certificate where the settings name one, on the TLS port only', async () => {
    const ca = anAuthority(aFolder());
    const [server, mine, other] = ['server', 'mine', 'other'].map((name) => ca.issue({ name })) as [
      never,
      never,
      never,
    ];
    const { certPath, keyPath } = server as { certPath: string; keyPath: string };
    const { fingerprint, ...shown } = mine as { fingerprint: string; cert: string; key: string };
    const door = await aDoor({
      plain: LOOPBACK,
      secure: LOOPBACK,
      tls: { cert: certPath, key: keyPath, passphrase: undefined, ca: ca.certPath, clientCert: 'optional' },
      admission: { peers: [peer('ct', { fingerprint })] },
    });
    const byTls = async (tls: object) => {
      const options = { calling: 'CT1', tls: { ca: ca.cert, ...tls } };
      return outcome((await RawScu.associate(door.tlsPort, proposing(VERIFICATION), options)).answer);
    };
    expect(await byTls(shown)).toEqual([ACCEPTED]);
    expect(await byTls(other)).toEqual([0x03, 1, 1, 3]);
    expect(await byTls({})).toEqual([0x03, 1, 1, 3]);
    expect(await call(door)).toEqual([0x03, 1, 1, 3]);
  });

  it.each<[string, CallerPolicy, number[]]>([
    ['everything where nothing is said', {}, [0, 0, 0, 0, 0]],
    ['the services listed', { services: ['find', 'store'] }, [1, 0, 0, 0, 1]],
    ['no private classes', { privateSopClasses: false }, [0, 0, 1, 0, 0]],
    ['the storage classes listed, and services all the same', { sopClasses: [CT] }, [0, 0, 1, 0, 0]],
    ['nothing', { services: [] }, [1, 1, 1, 1, 1]],
    ['performed procedure steps', { services: ['mpps'] }, [1, 1, 1, 1, 0]],
  ])('may use %s; the rest is refused by the user of the service (PS3.8 Table 9-18)', async (_, policy, results) => {
    const door = await aDoor({ plain: LOOPBACK, services: [endless], admission: { peers: [peer('ct', policy)] } });
    const proposals = proposing(VERIFICATION, CT, PRIVATE, FIND, MPPS);
    const { answer } = await RawScu.associate(door.port, proposals, { calling: 'CT1' });
    expect(contextResults(answer)).toEqual(results);
  });

  it('cannot use what was refused: the request is answered with a failure, and nothing is stored', async () => {
    const door = await aDoor({ plain: LOOPBACK, admission: { peers: [peer('ct', { services: ['verify'] })] } });
    const { scu } = await RawScu.associate(door.port, proposing(VERIFICATION, CT), { calling: 'CT1' });
    const fields = {
      AffectedSOPClassUID: CT,
      CommandField: 0x0020,
      MessageID: 1,
      Priority: 0,
      CommandDataSetType: 0x0101,
    };
    scu.send(pData(pdv(3, 3, command(fields))));
    expect((await scu.receiveCommand())['00000900']).toMatchObject({ Value: [0x0122] });
  });

  it('cannot store by another context than that of the class, nor by that of a service (0122H)', async () => {
    const policy = { sopClasses: [CT], services: ['verify', 'store'] } as const;
    const door = await aDoor({ plain: LOOPBACK, stores: true, admission: { peers: [peer('ct', policy)] } });
    const { scu } = await RawScu.associate(door.port, proposing(VERIFICATION, CT), { calling: 'CT1' });
    const store = async (contextId: number, sopClass: string) => {
      const instance = `1.2.3.4.1.1.${contextId}`;
      const dataSet = encoded({ SOPClassUID: sopClass, SOPInstanceUID: instance });
      scu.send(pData(pdv(contextId, 3, storeCommand(sopClass, instance))), pData(pdv(contextId, 2, dataSet)));
      return number(await scu.receiveCommand(), 'Status');
    };
    expect(await store(3, CT)).toBe(0);
    expect(await store(3, SECONDARY_CAPTURE)).toBe(0x0122);
    expect(await store(1, SECONDARY_CAPTURE)).toBe(0x0122);
  });

  it('has its texts read in the character set of the settings where its objects name none', async () => {
    const peers = [peer('ct', { characterSet: 'ISO_IR 144' })];
    const node = await aNode({ peers, models: [] });
    const { scu } = await RawScu.associate(node.dimsePort, proposing(SECONDARY_CAPTURE), { calling: 'CT1' });
    const named = encoded({ PatientName: { Alphabetic: 'XXXXXX' } });
    // "Иванов" in ISO 8859-5.
    named.set(Buffer.from([0xb8, 0xd2, 0xd0, 0xdd, 0xde, 0xd2]), named.indexOf('XXXXXX'));
    scu.send(pData(pdv(1, 3, storeCommand(SECONDARY_CAPTURE, '1.2.3.4.1.1.1'))), pData(pdv(1, 2, named)));
    expect(number(await scu.receiveCommand(), 'Status')).toBe(0);
    const found = await getJson<object[]>(`${node.http}/dicom-web/studies`);
    expect(found[0]).toMatchObject({ '00100010': { Value: [{ Alphabetic: 'Иванов' }] } });
  });

  it('leaves its negotiation in the log: implementation, sizes, each context with its result', async () => {
    const door = await aDoor({ plain: LOOPBACK, admission: { peers: [peer('ct', { services: ['store'] })] } });
    await RawScu.associate(door.port, proposing(VERIFICATION, CT), { calling: 'CT1', maxPduLength: 32_768 });
    await vi.waitFor(() =>
      expect(door.callers().admitted).toMatchObject([
        {
          callingAe: 'CT1',
          calledAe: 'VOXGATE',
          peer: 'ct',
          implementationClassUid: '1.2.3.4',
          implementationVersion: 'RAW',
          maxPduLength: 32_768,
          contexts: [
            { abstractSyntax: VERIFICATION, result: 1, accepted: null },
            { abstractSyntax: CT, proposed: [EXPLICIT, IMPLICIT], result: 0, accepted: EXPLICIT },
          ],
        },
      ]),
    );
  });

  it('is told what we are, not what it said of itself', async () => {
    const door = await aDoor({ plain: LOOPBACK });
    const { answer } = await RawScu.associate(door.port, proposing(VERIFICATION));
    expect(userItem(answer, 0x52)?.toString()).toBe(IMPLEMENTATION_CLASS_UID);
    expect(userItem(answer, 0x53)).toBeUndefined();
  });
});

/** A user information item of an A-ASSOCIATE-AC. */
function userItem({ content }: ReceivedPdu, type: number): Buffer | undefined {
  for (let at = 68; at + 4 <= content.length; at += 4 + content.readUInt16BE(at + 2)) {
    if (content[at] !== 0x50) continue;
    for (let inner = at + 4; inner + 4 <= content.length; inner += 4 + content.readUInt16BE(inner + 2))
      if (content[inner] === type) return content.subarray(inner + 4, inner + 4 + content.readUInt16BE(inner + 2));
  }
  return undefined;
}

describe('an association', () => {
  const asked = (sopClassUid: string) => ({ sopClassUid, user: true, provider: true });

  it('has the roles of every SOP class answered, also of those proposed in several contexts (PS3.7 D.3.3.4)', async () => {
    const roles = [CT, SECONDARY_CAPTURE, PRIVATE].map(asked);
    const proposals = proposing(VERIFICATION, CT, CT, SECONDARY_CAPTURE, '1.2.840.10008.5.1.4.41');
    const options = { calling: 'CT1', items: roles.map(roleItem) };
    const open = async (policy: CallerPolicy) => {
      const { port } = await doorFor(peer('ct', policy));
      const { answer } = await RawScu.associate(port, proposals, options);
      return readUserItems(pdu(0x02, answer.content)).roles;
    };
    expect(await open({})).toEqual([CT, SECONDARY_CAPTURE].map(asked));
    expect(await open({ quirks: { roleSelection: false } })).toEqual([]);
  });

  it.each<[number, CallerPolicy, number]>([
    [4096, {}, 4096],
    [0, {}, 128 * 1024 + 12],
    [65_536, { quirks: { maxPduLength: 8192 } }, 8192],
  ])('gets PDUs of what it takes: %i (%o), command and data set apart', async (maxPduLength, policy, longest) => {
    const long: Service = {
      sopClasses: [FIND],
      requests: ['C-FIND-RQ'],
      async perform(request) {
        await request.respond({ status: 0xff00 }, Buffer.alloc(300_000));
        await request.respond({ status: 0 });
      },
    };
    const door = await aDoor({ plain: LOOPBACK, services: [long], admission: { peers: [peer('ct', policy)] } });
    const { scu, answer } = await RawScu.associate(door.port, proposing(FIND), { calling: 'CT1', maxPduLength });
    const stated = userItem(answer, 0x51)?.readUInt32BE(0);
    expect(stated).toBe(policy.quirks?.maxPduLength ?? 131_072);
    scu.send(pData(pdv(1, 3, findCommand()), pdv(1, 2, Buffer.alloc(16))));
    const controls: number[] = [];
    const lengths: number[] = [];
    while (controls.filter((control) => control === 3).length < 2) {
      const { content } = await scu.receive();
      expect(content.readUInt32BE(0)).toBe(content.length - 4);
      lengths.push(content.length);
      controls.push(content.readUInt8(5));
    }
    expect(Math.max(...lengths)).toBeLessThanOrEqual(longest);
    expect(controls[0]).toBe(3);
    expect(controls.slice(1, -1).every((control) => (control & 1) === 0)).toBe(true);
  });

  it('has a running C-FIND ended by C-CANCEL within a second (PS3.7 9.3.2.3)', async () => {
    const { port } = await aDoor({ plain: LOOPBACK, services: [endless] });
    const { scu } = await RawScu.associate(port, proposing(FIND));
    scu.send(pData(pdv(1, 3, findCommand(9)), pdv(1, 2, Buffer.alloc(16))));
    await scu.receive();
    await scu.receive();
    const asked = performance.now();
    scu.send(
      pData(pdv(1, 3, command({ CommandField: 0x0fff, MessageIDBeingRespondedTo: 9, CommandDataSetType: 0x0101 }))),
    );
    for (;;) {
      const { content } = await scu.receive();
      if (content.readUInt8(5) !== 3) continue;
      const { dataset } = parseDataSet(bufferSource(content.subarray(6)), { transferSyntaxUid: IMPLICIT });
      if (dataset['00000900']?.Value?.[0] === 0xfe00) break;
    }
    expect(performance.now() - asked).toBeLessThan(1000);
    scu.destroy();
  });
});

function findCommand(messageId = 1): Buffer {
  const kind = { AffectedSOPClassUID: FIND, CommandField: 0x0020, Priority: 0, CommandDataSetType: 1 };
  return command({ ...kind, MessageID: messageId });
}
