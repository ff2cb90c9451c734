/** Seconds of quiet after which a series is taken for complete, by what is known of it. */
export interface CompletenessSettings {
  /** Where all evidence agrees. */
  readonly leastQuietSeconds: number;
  /** After the end of a transfer, of a sender that nothing is known of. */
  readonly settleSeconds: number;
  /** After the end of a transfer, of whatever sender. */
  readonly mostQuietSeconds: number;
  /** Where the sender has not said that it is done. */
  readonly idleSettleSeconds: number;
  /** For instances that were announced. */
  readonly announcedSeconds: number;
}

/** Rows of the table of settings in config.ts. */
export const COMPLETENESS_SETTINGS = [
  {
    variable: 'VOXGATE_SETTLE_SECONDS',
    key: 'settleSeconds',
    byDefault: '2',
    meaning:
      'Quiet time after the sender has released its association (or ended its STOW request) before a series is analysed, where nothing else says that it is complete and the sender is not known.',
  },
  {
    variable: 'VOXGATE_LEAST_QUIET_SECONDS',
    key: 'leastQuietSeconds',
    byDefault: '0.25',
    meaning: 'Quiet time before a series is analysed of which all evidence says that it is complete.',
  },
  {
    variable: 'VOXGATE_MOST_QUIET_SECONDS',
    key: 'mostQuietSeconds',
    byDefault: '10',
    meaning:
      'Longest quiet time that is learned of a sender that goes on with a series on its next association, and that of a series with holes.',
  },
  {
    variable: 'VOXGATE_IDLE_SETTLE_SECONDS',
    key: 'idleSettleSeconds',
    byDefault: '60',
    meaning: 'Quiet time after which a series is analysed although its sender has not released the association.',
  },
  {
    variable: 'VOXGATE_ANNOUNCED_SECONDS',
    key: 'announcedSeconds',
    byDefault: '600',
    meaning:
      'How long instances are waited for that were announced (0020,1002 and 1209, MPPS, IAN) and do not come; then the series is analysed as it is.',
  },
] as const;

export type CompletenessVariable = (typeof COMPLETENESS_SETTINGS)[number]['variable'];

/** @param seconds reads one setting, and notes what is wrong with it */
export function readCompletenessSettings(seconds: (variable: CompletenessVariable) => number): CompletenessSettings {
  return {
    leastQuietSeconds: seconds('VOXGATE_LEAST_QUIET_SECONDS'),
    settleSeconds: seconds('VOXGATE_SETTLE_SECONDS'),
    mostQuietSeconds: seconds('VOXGATE_MOST_QUIET_SECONDS'),
    idleSettleSeconds: seconds('VOXGATE_IDLE_SETTLE_SECONDS'),
    announcedSeconds: seconds('VOXGATE_ANNOUNCED_SECONDS'),
  };
}
