import type { IdentitySettings } from '../identity-settings.ts';
import type { UserIdentity } from '../network/negotiation.ts';
import { isPasscode, NOBODY } from '../network/passcode.ts';
import { type TokenCheck, tokenCheck } from './json-web-token.ts';

/** Types of user identity (PS3.7 Table D.3-14). */
const USERNAME = 1;
const USERNAME_AND_PASSCODE = 2;
const JSON_WEB_TOKEN = 5;

/** Who uses the association; why that is not believed; undefined where this node cannot tell. */
export type IdentityAnswer = { readonly user: string } | { readonly because: string } | undefined;

/** Checks who a caller says it is (PS3.7 D.3.3.7). Kerberos and SAML are not known here. */
export class Identities {
  readonly #users: IdentitySettings['users'];
  readonly #checkToken: TokenCheck | undefined;

  /** @throws VoxgateError bad-setting */
  constructor({ users, tokens }: IdentitySettings) {
    this.#users = users;
    this.#checkToken = tokens && tokenCheck(tokens);
  }

  async check({ type, primary, secondary }: UserIdentity): Promise<IdentityAnswer> {
    const knowsUsers = Object.keys(this.#users).length > 0;
    if (type === USERNAME && knowsUsers) return this.#checkUser(primary.toString('utf8'), undefined);
    if (type === USERNAME_AND_PASSCODE && knowsUsers) return this.#checkUser(primary.toString('utf8'), secondary);
    if (type === JSON_WEB_TOKEN) return this.#checkToken?.(primary.toString('latin1'));
    return undefined;
  }

  async #checkUser(user: string, passcode: Buffer | undefined): Promise<IdentityAnswer> {
    const known = Object.hasOwn(this.#users, user) ? this.#users[user] : undefined;
    if (known === null) return { user };
    if (passcode === undefined) return { because: 'the user name came without a passcode' };
    const right = await isPasscode(passcode, known ?? NOBODY);
    return right && known ? { user } : { because: 'user name or passcode is wrong' };
  }
}
