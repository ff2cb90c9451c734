// CPU time and memory of processes, from Linux's /proc.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** USER_HZ: the unit of the times in /proc. */
const TICKS_PER_SECOND = 100;

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the process has ended
  }
}

/** The processes and everything they started. */
function withChildren(pids) {
  const found = new Set();
  const open = [...pids];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (found.has(pid)) continue;
    let tasks;
    try {
      tasks = readdirSync(`/proc/${pid}/task`);
    } catch {
      continue;
    }
    found.add(pid);
    for (const task of tasks)
      open.push(...(read(`/proc/${pid}/task/${task}/children`) ?? '').split(' ').filter(Boolean).map(Number));
  }
  return found;
}

/** Seconds of user and system time, of children that have ended too. */
export function cpuSeconds(pids) {
  let ticks = 0;
  for (const pid of withChildren(pids)) {
    const stat = read(`/proc/${pid}/stat`);
    if (!stat) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // utime, stime, cutime, cstime
    ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Busy seconds of the whole machine; work that was niced yields and is left out. */
export function machineSeconds() {
  const [user, , system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** Forgets the largest resident size so far (proc(5), clear_refs); false where that is not allowed. */
export function resetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

/** Largest resident size since then, in MB (10^6 bytes). */
export function peakMegabytes(pid) {
  const kibibytes = /^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6;
}
