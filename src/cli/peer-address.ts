import type { PeerSettings, Settings } from '../config.ts';
import { VoxgateError } from '../errors.ts';
import { isReachable } from '../peer-settings.ts';

/**
 * A peer as it is named on the command line: the name of a configured one, "dicom://AET@host:port", or the http(s)
 * address of a DICOMweb root.
 */
export function peerAddress(text: string, settings: Settings): PeerSettings {
  const configured = settings.peers.find(({ name }) => name === text);
  if (configured && isReachable(configured)) return configured;
  if (configured) throw new VoxgateError('bad-setting', `the peer ${text} has no host and port: it only calls`);
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return { name: text, dicomweb: text.replace(/\/+$/, '') };
  const { aeTitle, host, port } =
    /^dicom:\/\/(?<aeTitle>[^@\\]{1,16})@(?<host>[^:/[\]]+|\[[0-9a-fA-F:]+\]):(?<port>\d{1,5})$/.exec(text)?.groups ??
    {};
  if (aeTitle && host && Number(port) > 0 && Number(port) < 65_536)
    return { name: text, aeTitle: aeTitle.trim(), host: host.replace(/[[\]]/g, ''), port: Number(port) };
  throw new VoxgateError(
    'bad-setting',
    `"${text}" is neither a configured peer nor dicom://AET@host:port nor a DICOMweb address`,
  );
}
