import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What Linux tells of a process from outside: whether it leaks. */

const LISTEN = '0A';
const TIME_WAIT = '06';

/** Connections to the port that are not over, seen from the listening side (proc(5), /proc/net/tcp). */
export function openConnections(port: number): number {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state, , , , , , inode]) => {
      // An inode of 0: no process holds it any more, the kernel is seeing it off.
      return address?.endsWith(`:${local}`) && state !== LISTEN && state !== TIME_WAIT && inode !== '0';
    }).length;
}

/** Open file descriptors, by what they lead to: sockets, or files under a path. */
export function openDescriptors(pid: number): { readonly sockets: number; readonly files: readonly string[] } {
  const targets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed since it was listed
    }
  });
  return {
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    files: targets.filter((target) => target.startsWith('/') && !target.startsWith('/dev')),
  };
}

export const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/exe`);

/** Resident memory, in MB (10^6 bytes). */
export function residentMegabytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}
