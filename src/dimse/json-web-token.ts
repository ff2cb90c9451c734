import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { TokenSettings } from '../identity-settings.ts';

/** Clocks may differ by so much. */
const LEEWAY_SECONDS = 60;
/** The field's own limit is 64 KiB; no token needs it. */
const LARGEST_TOKEN = 16 * 1024;

/** Whose token it is, or why it is not taken. */
export type TokenAnswer = { readonly user: string } | { readonly because: string };

export type TokenCheck = (token: string, now?: Date) => TokenAnswer;

/**
 * Checks JSON Web Tokens (RFC 7519) signed with the private key of the settings' public one. The key says which
 * algorithm it is (RFC 8725 3.1), never the token: RS256 for RSA, ES256 for P-256.
 * @throws VoxgateError bad-setting for a key that cannot be used
 */
export function tokenCheck(settings: TokenSettings): TokenCheck {
  const key = readKey(settings.key);
  const algorithm = algorithmOf(key);
  if (algorithm === undefined)
    throw new VoxgateError('bad-setting', `dimseTokens.key: ${settings.key} is neither an RSA key nor a P-256 key`);
  return (token, now = new Date()) => {
    if (token.length > LARGEST_TOKEN) return { because: 'the token is too long' };
    const [head = '', body = '', signature = '', ...more] = token.split('.');
    if (more.length > 0 || signature === '') return { because: 'the token is not a signed JSON Web Token' };
    const { alg, crit } = readPart(head) ?? {};
    if (alg !== algorithm) return { because: `the token is not signed by ${algorithm}` };
    // Extensions that must be understood (RFC 7515 4.1.11): none is.
    if (crit !== undefined) return { because: 'the token needs an extension' };
    const signed = verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    if (!signed) return { because: 'the signature of the token is wrong' };
    return judge(readPart(body) ?? {}, settings, now.getTime() / 1000);
  };
}

function readKey(path: string): KeyObject {
  try {
    return createPublicKey(readFileSync(path));
  } catch (cause) {
    throw new VoxgateError('bad-setting', `dimseTokens.key: ${path} holds no public key: ${sentenceOf(cause)}`, {
      cause,
    });
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): 'RS256' | 'ES256' | undefined {
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return 'RS256';
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
}

type Claims = Readonly<Record<string, unknown>>;

function readPart(part: string): Claims | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

function judge(claims: Claims, { issuer, audience }: TokenSettings, now: number): TokenAnswer {
  const { exp, nbf, iss, aud, sub } = claims;
  if (typeof exp !== 'number') return { because: 'the token never expires' };
  if (now > exp + LEEWAY_SECONDS) return { because: 'the token has expired' };
  if (nbf !== undefined && !(typeof nbf === 'number' && now >= nbf - LEEWAY_SECONDS))
    return { because: 'the token is not valid yet' };
  if (issuer !== undefined && iss !== issuer) return { because: 'the token is of another issuer' };
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audience !== undefined && !audiences.includes(audience)) return { because: 'the token is for another audience' };
  return typeof sub === 'string' && sub !== '' ? { user: sub } : { because: 'the token names nobody (sub)' };
}
