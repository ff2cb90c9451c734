import { describe, expect, it } from 'vitest';
import { destined } from '../../src/pipeline/record-outcome.ts';

const sound = { withheld: false, research: false, researchPeers: new Set(['trial']) };
const primary = { mode: 'primary', deliverTo: ['pacs', 'trial'] } as const;

describe('who is to receive the results of an analysis', () => {
  it('are the peers of its route', () => {
    expect(destined(primary, sound)).toEqual({
      peers: ['pacs', 'trial'],
      fate: 'Waiting to be delivered to pacs, trial.',
    });
  });

  it('are those for research alone where the model is, and the others are named', () => {
    expect(destined(primary, { ...sound, research: true })).toEqual({
      peers: ['trial'],
      fate: 'Not sent to pacs: the model is for research only. Waiting to be delivered to trial.',
    });
    expect(destined({ ...primary, deliverTo: ['pacs'] }, { ...sound, research: true })).toEqual({
      peers: [],
      fate: 'Not sent to pacs: the model is for research only. Kept in this node; no peer is to receive it.',
    });
  });

  it('is nobody where a result is implausible, or of a shadow', () => {
    expect(destined(primary, { ...sound, withheld: true })).toMatchObject({
      peers: [],
      fate: expect.stringContaining('a person has to look'),
    });
    expect(destined({ ...primary, mode: 'shadow' }, sound).peers).toEqual([]);
  });
});
