// What the conformance statement claims, and the test that proves each claim: conformance/claims.json names them.
import { existsSync, readFileSync } from 'node:fs';

export const CLAIMS = 'conformance/claims.json';

/**
 * Numbers the proofs and checks them as they are used: `proofOf(claim)` is "P7"; `faults()` says what is missing, what
 * names a test that is not there, and what nobody claims any more.
 */
export function readClaims(file = CLAIMS) {
  const claims = new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8'))));
  const numbers = new Map();
  for (const { test, file: where } of claims.values()) {
    const key = `${where} ${test}`;
    if (!numbers.has(key)) numbers.set(key, { number: numbers.size + 1, file: where, test });
  }
  const used = new Set();
  const missing = new Set();
  const proofOf = (claim) => {
    used.add(claim);
    const proof = claims.get(claim);
    if (proof === undefined) missing.add(claim);
    return proof ? `P${numbers.get(`${proof.file} ${proof.test}`).number}` : 'none';
  };
  const faults = () => [
    ...[...missing].map(
      (claim) =>
        `nobody proves "${claim}": add to ${file} a line "${claim}": { "file": "tests/….test.ts", "test": "the name of the test" }`,
    ),
    ...[...claims]
      .filter(([, { file: where, test }]) => !isTest(where, test))
      .map(([claim, { file: where, test }]) => `"${claim}": there is no test "${test}" in ${where}`),
    ...[...claims.keys()]
      .filter((claim) => !used.has(claim))
      .map((claim) => `"${claim}" is in ${file}, and the statement does not claim it any more: remove the line`),
  ];
  return { proofOf, faults, proofs: () => [...numbers.values()] };
}

const sources = new Map();

/** A test of that name that runs: its title is the first argument of a call, and the call is not one that skips. */
function isTest(file, name) {
  if (!sources.has(file)) sources.set(file, existsSync(file) ? readFileSync(file, 'utf8') : '');
  const source = sources.get(file);
  const title = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const call = new RegExp(`([\\w.]*|[\\])>])\\s*\\(\\s*(['"\`])${title}\\2\\s*,`, 'g');
  return [...source.matchAll(call)].some(
    ([, caller]) => /^(it|test)(\.\w+)*$|^[\])>]$/.test(caller) && !/skip|todo/.test(caller),
  );
}
