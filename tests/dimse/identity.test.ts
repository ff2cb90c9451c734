import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseUsers } from '../../src/identity-settings.ts';
import { identityItem, readUserItems } from '../../src/network/negotiation.ts';
import { hashPasscode } from '../../src/network/passcode.ts';
import type { CallerPolicy } from '../../src/peer-settings.ts';
import { aDoor, LOOPBACK } from '../support/a-door.ts';
import { aLog } from '../support/a-log.ts';
import { IMPLICIT, pdu, RawScu } from '../support/raw-scu.ts';
import { aFolder } from '../support/test-node.ts';

const VERIFICATION = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };
const REFUSED = [0x03, 1, 1, 1];

interface Said {
  readonly type: number;
  readonly primary: string;
  readonly secondary?: string;
  readonly wantsResponse?: boolean;
}

const said = ({ type, primary, secondary = '', wantsResponse = true }: Said): Buffer =>
  identityItem({ type, wantsResponse, primary: Buffer.from(primary), secondary: Buffer.from(secondary) });

interface Outcome {
  readonly answer: readonly number[];
  /** Whether there was a server response (PS3.7 D.3.3.7.2). */
  readonly confirmed: boolean;
}

async function call(port: number, who?: Said): Promise<Outcome> {
  const { scu, answer } = await RawScu.associate(port, [VERIFICATION], { items: who ? [said(who)] : [] });
  scu.destroy();
  if (answer.type !== 0x02) return { answer: [answer.type, ...answer.content.subarray(1, 4)], confirmed: false };
  const { identityResponse } = readUserItems(pdu(0x02, answer.content));
  return { answer: [answer.type], confirmed: identityResponse !== undefined };
}

async function someUsers(): Promise<ReturnType<typeof parseUsers>> {
  const faults: string[] = [];
  const users = parseUsers({ tech: await hashPasscode(Buffer.from('geheim')), kiosk: null }, faults);
  expect(faults).toEqual([]);
  return users;
}

async function aGuardedDoor(unknownPeers: CallerPolicy) {
  const { log, lines } = aLog();
  const users = await someUsers();
  const door = await aDoor({ plain: LOOPBACK, log, admission: { unknownPeers, identities: { users } } });
  return { ...door, lines };
}

describe('user identity negotiation (PS3.7 D.3.3.7)', () => {
  it('lets in who knows the passcode, and says so where that is asked', async () => {
    const { port, callers } = await aGuardedDoor({ identity: true });
    expect(await call(port, { type: 2, primary: 'tech', secondary: 'geheim' })).toEqual({
      answer: [2],
      confirmed: true,
    });
    const silent = { type: 2, primary: 'tech', secondary: 'geheim', wantsResponse: false };
    expect(await call(port, silent)).toEqual({ answer: [2], confirmed: false });
    await vi.waitFor(() => expect(callers().admitted[0]).toMatchObject({ user: 'tech' }));
  });

  it.each<[string, Said | undefined]>([
    ['who does not say who it is', undefined],
    ['a wrong passcode', { type: 2, primary: 'tech', secondary: 'Geheim' }],
    ['an empty passcode', { type: 2, primary: 'tech' }],
    ['a user nobody knows', { type: 2, primary: 'nobody', secondary: 'geheim' }],
    ['a name that every object has', { type: 2, primary: 'constructor', secondary: 'x' }],
    ['a user name alone, where it has a passcode', { type: 1, primary: 'tech' }],
    ['Kerberos', { type: 3, primary: 'ticket' }],
    ['SAML', { type: 4, primary: '<saml/>' }],
    ['a token without a key to check it by', { type: 5, primary: 'a.b.c' }],
  ])('refuses %s, for good and without a reason', async (_, who) => {
    const { port, callers, lines } = await aGuardedDoor({ identity: true });
    expect((await call(port, who)).answer).toEqual(REFUSED);
    await vi.waitFor(() => expect(callers().refused).toMatchObject([{ kind: 'identity' }]));
    expect(JSON.stringify([lines(), callers()])).not.toMatch(/geheim/i);
  });

  it('takes a user without a passcode by the name alone', async () => {
    const { port } = await aGuardedDoor({ identity: true });
    expect((await call(port, { type: 1, primary: 'kiosk' })).answer).toEqual([2]);
  });

  it('may ask for certain users', async () => {
    const { port } = await aGuardedDoor({ identity: ['kiosk'] });
    expect((await call(port, { type: 1, primary: 'kiosk' })).answer).toEqual([2]);
    expect((await call(port, { type: 2, primary: 'tech', secondary: 'geheim' })).answer).toEqual(REFUSED);
  });

  it('where none is needed takes what it cannot check without a confirmation, and refuses what is wrong', async () => {
    const { port } = await aGuardedDoor({});
    expect(await call(port, { type: 4, primary: '<saml/>' })).toEqual({ answer: [2], confirmed: false });
    expect(await call(port)).toEqual({ answer: [2], confirmed: false });
    expect((await call(port, { type: 2, primary: 'tech', secondary: 'wrong' })).answer).toEqual(REFUSED);
    const plain = await aDoor({ plain: LOOPBACK });
    expect(await call(plain.port, { type: 2, primary: 'x', secondary: 'y' })).toEqual({
      answer: [2],
      confirmed: false,
    });
  });
});

const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');

function token(key: KeyObject, alg: string, claims: object, head: object = {}): string {
  const content = `${part({ alg, typ: 'JWT', ...head })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

describe('JSON Web Tokens as user identity (type 5)', () => {
  const soon = Math.floor(Date.now() / 1000) + 600;
  const claims = { sub: 'tech', exp: soon, iss: 'https://login.example', aud: ['other', 'voxgate'] };
  const pairs = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  };

  async function aTokenDoor({ publicKey }: { publicKey: KeyObject }) {
    const key = join(aFolder(), 'public.pem');
    writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
    const tokens = { key, issuer: 'https://login.example', audience: 'voxgate' };
    return aDoor({
      plain: LOOPBACK,
      admission: { unknownPeers: { identity: true }, identities: { users: {}, tokens } },
    });
  }

  it.each(['RS256', 'ES256'] as const)('are taken when %s of the key in the settings signed them', async (alg) => {
    const { port, callers } = await aTokenDoor(pairs[alg]);
    const { privateKey } = pairs[alg];
    const answer = async (text: string) => (await call(port, { type: 5, primary: text })).answer;
    expect(await answer(token(privateKey, alg, claims))).toEqual([2]);
    await vi.waitFor(() => expect(callers().admitted).toMatchObject([{ user: 'tech' }]));
    const wrong: Record<string, string> = {
      expired: token(privateKey, alg, { ...claims, exp: soon - 6000 }),
      'without an end': token(privateKey, alg, { ...claims, exp: undefined }),
      'not yet valid': token(privateKey, alg, { ...claims, nbf: soon }),
      'of another issuer': token(privateKey, alg, { ...claims, iss: 'https://evil.example' }),
      'for another audience': token(privateKey, alg, { ...claims, aud: 'other' }),
      'of nobody': token(privateKey, alg, { ...claims, sub: '' }),
      'by another key': token(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, alg, claims),
      'that needs an extension': token(privateKey, alg, claims, { crit: ['b64'] }),
      'without a signature': `${part({ alg: 'none' })}.${part(claims)}.`,
      'with its body changed': token(privateKey, alg, claims).replace(
        /\.[^.]+\./,
        `.${part({ ...claims, sub: 'root' })}.`,
      ),
      'that is none': 'not a token',
    };
    // The public key taken for a shared secret (RFC 8725 2.1).
    const head = `${part({ alg: 'HS256' })}.${part(claims)}`;
    const pem = pairs[alg].publicKey.export({ type: 'spki', format: 'pem' });
    wrong['signed by HS256'] = `${head}.${createHmac('sha256', pem).update(head).digest('base64url')}`;
    for (const [name, text] of Object.entries(wrong)) expect(await answer(text), name).toEqual(REFUSED);
  });

  it('are not begun with where the key is none, or too weak', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    await expect(aTokenDoor(weak)).rejects.toThrow(/dimseTokens.key: .* is neither an RSA key nor a P-256 key/);
    const tokens = { key: '/nowhere.pem' };
    await expect(aDoor({ admission: { identities: { users: {}, tokens } } })).rejects.toThrow(
      /dimseTokens.key: \/nowhere/,
    );
  });
});
