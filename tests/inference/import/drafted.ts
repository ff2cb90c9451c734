import { join } from 'node:path';
import { expect } from 'vitest';
import { openBundle } from '../../../src/inference/import/bundle-files.ts';
import { readCodes } from '../../../src/inference/import/codes-file.ts';
import type { ImportAnswers, ImportDraft } from '../../../src/inference/import/draft.ts';
import { importMonai } from '../../../src/inference/import/import-monai.ts';
import { manifestFaults } from '../../../src/inference/model-checks.ts';
import { parseManifest } from '../../../src/inference/model-schema.ts';
import type { OnnxFacts } from '../../../src/inference/onnx/onnx-facts.ts';
import { aFolder } from '../../support/test-node.ts';
import { write } from './bundles.ts';

/** What becomes of the bundle in a folder, with a network of these facts. */
export async function drafted(
  folder: string,
  facts: OnnxFacts,
  codes?: object,
  answers: ImportAnswers = {},
): Promise<ImportDraft> {
  const files = await openBundle(folder);
  const given = codes ? join(write(aFolder(), { 'codes.json': codes }), 'codes.json') : undefined;
  return importMonai(files, facts, await readCodes(given), answers);
}

/** The manifest passes the schema and the checks of packages, whatever its files. */
export function isSound(manifest: object): void {
  const text = JSON.stringify({ ...manifest, files: [{ path: 'model.onnx', digest: '0'.repeat(64) }] });
  expect(manifestFaults(parseManifest(text))).toEqual([]);
}
