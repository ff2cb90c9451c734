import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/programs.ts';

const SEED = '20260101';

describe('npm run test:crash', () => {
  it('row 39: loses no acknowledged object in five kills, leaves no row without bytes and no orphan', async () => {
    const { code, output } = await runProgram(
      process.execPath,
      ['scripts/crash-test.mjs', '--kills', '5', '--seed', SEED],
      // What the suite runs on is built already.
      { seconds: 150, env: { VOXGATE_TEST_NO_BUILD: '1' } },
    );
    console.info(output.trim());
    expect(code, output).toBe(0);
    expect(output).toMatch(/kills [5-9], acknowledged \d\d+, .* lost 0, .* left 0,/);
  });
});
