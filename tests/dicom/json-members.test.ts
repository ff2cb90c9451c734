import { describe, expect, it } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { membersOf } from '../../src/dicom/json-members.ts';
import { jsonText } from '../../src/dicom/json-text.ts';

/** What the members of a text say, parsed again. */
const told = (json: string): unknown =>
  Object.fromEntries([...membersOf(json)].map(([tag, text]) => [tag, JSON.parse(text)]));

describe('membersOf', () => {
  const hostile = ['a"b', '\\', '\\"', '}{', '"},"00100020":{', '\u0000', '\u{1f600}', '\ud800', 'a\\\\"}'];

  it.each<JsonDataset>([
    {},
    { '00100010': { vr: 'PN' } },
    { '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A^B' }] }, '00100020': { vr: 'LO', Value: ['x', null] } },
    { '00080005': { vr: 'CS' }, '30060010': { vr: 'SQ', Value: [{ '30060020': { vr: 'SQ', Value: [{}, {}] } }] } },
    ...hostile.map((text): JsonDataset => ({ '00100020': { vr: 'LO', Value: [text] }, '00100040': { vr: 'CS' } })),
  ])('takes %j apart as JSON.parse would', (dataset) => {
    const json = jsonText(dataset);
    expect(told(json)).toEqual(JSON.parse(json));
    expect([...membersOf(json).values()].every((text) => json.includes(text))).toBe(true);
  });

  it.each([
    ' {"00100020" : {"vr":"LO"} }',
    '{"00100020": {"vr":"LO"}}',
    '{"00100020":{"vr":"LO"} ,"00100040":{"vr":"CS"}}',
  ])('reads JSON of another hand, too: %s', (json) => {
    expect(told(json)).toEqual(JSON.parse(json));
  });

  it.each(['{"00100020":{"vr":"LO"', '{"00100020":{"vr":"LO}}', '', '{', '{"00100020":{}}}'])(
    'refuses what is no JSON: %s',
    (json) => {
      expect(() => membersOf(json)).toThrow(SyntaxError);
    },
  );
});
