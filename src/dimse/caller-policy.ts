import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { STORAGE_COMMITMENT_PUSH_MODEL, VERIFICATION } from '../dicom/sop-classes.ts';
import type { RequestName } from '../network/command-set.ts';
import type { CallerPolicy, ServiceName } from '../peer-settings.ts';
import type { Service } from './service.ts';

const STANDARD_ROOT = '1.2.840.10008.';

/** SOP classes whose requests do not tell the service. */
const BY_SOP_CLASS: ReadonlyMap<string, ServiceName> = new Map([
  [VERIFICATION, 'verify'],
  [STORAGE_COMMITMENT_PUSH_MODEL, 'commitment'],
  // Modality Performed Procedure Step, its Retrieve and its Notification (PS3.4 Annex F).
  ['1.2.840.10008.3.1.2.3.3', 'mpps'],
  ['1.2.840.10008.3.1.2.3.4', 'mpps'],
  ['1.2.840.10008.3.1.2.3.5', 'mpps'],
  // Instance Availability Notification (PS3.4 Annex R).
  ['1.2.840.10008.5.1.4.33', 'ian'],
]);

const BY_REQUEST: { readonly [Name in RequestName]?: ServiceName } = {
  'C-ECHO-RQ': 'verify',
  'C-FIND-RQ': 'find',
  'C-MOVE-RQ': 'move',
  'C-GET-RQ': 'get',
};

/** What the settings call the service of a SOP class; undefined where they have no word for it. */
export function serviceNameOf(sopClassUid: string, service: Service | undefined): ServiceName | undefined {
  if (!service) return 'store';
  const name = service.requests.map((request) => BY_REQUEST[request]).find((one) => one !== undefined);
  return BY_SOP_CLASS.get(sopClassUid) ?? name;
}

/** Whether a caller may use a SOP class. A service without a name in the settings is for callers without a list. */
export function allowsSopClass(
  { services, sopClasses, privateSopClasses = true }: CallerPolicy,
  sopClassUid: string,
  service: Service | undefined,
): boolean {
  const name = serviceNameOf(sopClassUid, service);
  if (services && !(name && services.includes(name))) return false;
  if (name !== 'store') return true;
  if (!privateSopClasses && !sopClassUid.startsWith(STANDARD_ROOT)) return false;
  return sopClasses === undefined || sopClasses.includes(sopClassUid);
}

/** Whether an address is one of those listed, or in a network of them. */
export function addressTest(addresses: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = '', prefix] = entry.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    const plain = plainAddress(address);
    return isIPv4(plain) ? list.check(plain, 'ipv4') : isIPv6(plain) && list.check(plain, 'ipv6');
  };
}

/** An IPv4 address that came by an IPv6 socket, and a scoped one, as they are written in settings. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}
