/** How much is analysed at once, how long an analysis may take, and when nothing more is received. */
export interface JobSettings {
  /** Analyses at once; one that is urgent has a place beside them. */
  readonly analyses: number;
  /** Longest time of one try. */
  readonly analysisMs: number;
  /** With an analysis waiting longer than this, nothing is received; 0 is never. */
  readonly overloadSeconds: number;
  /** With more bytes than this waiting to be analysed; 0 is any number. */
  readonly overloadBytes: number;
}

/** Rows of the table of settings in config.ts. */
export const JOB_SETTINGS = [
  {
    variable: 'VOXGATE_ANALYSES',
    key: 'analyses',
    byDefault: '2',
    meaning: 'Analyses at once; one that is urgent (STAT) has a place beside them.',
  },
  {
    variable: 'VOXGATE_ANALYSIS_SECONDS',
    key: 'analysisSeconds',
    byDefault: '3600',
    meaning:
      'Longest time of one try of an analysis, everything included; what takes longer is ended, and tried once more.',
  },
  {
    variable: 'VOXGATE_OVERLOAD_SECONDS',
    key: 'overloadSeconds',
    byDefault: '0',
    meaning:
      'With an analysis waiting longer than this nothing is received (A700H, 503 with Retry-After) until the queue is shorter; 0: never. A modality that does not send again would lose images.',
  },
  {
    variable: 'VOXGATE_OVERLOAD_BYTES',
    key: 'overloadBytes',
    byDefault: '0',
    meaning: 'The same with more bytes than this waiting to be analysed; 0: any number.',
  },
] as const;

export type JobVariable = (typeof JOB_SETTINGS)[number]['variable'];

/** `wrong` notes what is not as it should be, and gives undefined. */
type Check = <T>(variable: JobVariable, parse: (text: string) => T | undefined, want: string) => T;

export function readJobSettings(check: Check): JobSettings {
  const whole = (variable: JobVariable, least: number, most: number): number =>
    check(variable, (text) => wholeNumber(text, least, most), `a whole number from ${least} to ${most}`);
  return {
    analyses: whole('VOXGATE_ANALYSES', 1, 64),
    analysisMs: whole('VOXGATE_ANALYSIS_SECONDS', 1, 86_400) * 1000,
    overloadSeconds: whole('VOXGATE_OVERLOAD_SECONDS', 0, 604_800),
    overloadBytes: whole('VOXGATE_OVERLOAD_BYTES', 0, Number.MAX_SAFE_INTEGER),
  };
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}
