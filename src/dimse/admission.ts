import type { UserIdentity } from '../network/negotiation.ts';

/** Who asks for an association. */
export interface Caller {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly identity: UserIdentity | undefined;
}

/** PS3.8 Table 9-21. */
export interface Rejection {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
  /** For the log. */
  readonly because: string;
}

export interface AdmissionSettings {
  readonly aeTitle: string;
  /** Calling AE titles that may come in; undefined lets in anybody. */
  readonly allowedCallers: ReadonlySet<string> | undefined;
  readonly maxAssociations: number;
}

const PERMANENT = 1;
const TRANSIENT = 2;
const SERVICE_USER = 1;
const SERVICE_PROVIDER_PRESENTATION = 3;
const CALLING_AE_NOT_RECOGNIZED = 3;
const CALLED_AE_NOT_RECOGNIZED = 7;
const LOCAL_LIMIT_EXCEEDED = 2;

/** Why a caller is not let in; undefined lets it in. */
export function refusalOf(
  caller: Caller,
  openAssociations: number,
  settings: AdmissionSettings,
): Rejection | undefined {
  const { aeTitle, allowedCallers, maxAssociations } = settings;
  if (openAssociations > maxAssociations)
    return {
      result: TRANSIENT,
      source: SERVICE_PROVIDER_PRESENTATION,
      reason: LOCAL_LIMIT_EXCEEDED,
      because: `too many associations are open (${maxAssociations})`,
    };
  if (allowedCallers === undefined) return undefined;
  const refused = { result: PERMANENT, source: SERVICE_USER };
  if (!allowedCallers.has(caller.callingAe))
    return { ...refused, reason: CALLING_AE_NOT_RECOGNIZED, because: 'the calling AE title is not among the peers' };
  if (caller.calledAe !== aeTitle)
    return { ...refused, reason: CALLED_AE_NOT_RECOGNIZED, because: 'the called AE title is not ours' };
  return undefined;
}
