import { readdirSync, readFileSync } from 'node:fs';

/**
 * Resident memory at its peak (VmHWM of proc(5)) of the largest lane that is a child of this process; bytes.
 * Undefined where the system does not tell, or there is no lane.
 */
export function peakOfLanes(): number | undefined {
  const peaks = childrenOfThis().flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lane-process')) return [];
      const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return kibibytes === undefined ? [] : [Number(kibibytes) * 1024];
    } catch {
      return [];
    }
  });
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}

function childrenOfThis(): number[] {
  try {
    return readdirSync('/proc/self/task').flatMap((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}
