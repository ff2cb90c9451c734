import type { PeerSettings, Settings } from '../config.ts';
import { VoxgateError } from '../errors.ts';

/**
 * A peer as it is named on the command line: the name of a configured one, "dicom://AET@host:port", or the http(s)
 * address of a DICOMweb root.
 */
export function peerAddress(text: string, settings: Settings): PeerSettings {
  const configured = settings.peers.find(({ name }) => name === text);
  if (configured) return configured;
  if (/^https?:\/\//.test(text)) return { name: text, dicomweb: text.replace(/\/+$/, '') };
  const { aet, host, port } =
    /^dicom:\/\/(?<aet>[^@]{1,16})@(?<host>[^:/]+):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if (aet && host && port) return { name: text, aeTitle: decodeURIComponent(aet), host, port: Number(port) };
  throw new VoxgateError(
    'bad-setting',
    `"${text}" is neither a configured peer nor dicom://AET@host:port nor a DICOMweb address`,
  );
}
