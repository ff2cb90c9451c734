import { sentenceOf } from '../../errors.ts';
import { inspectOnnx } from '../check-client.ts';
import type { Model } from '../model-package.ts';
import type { OnnxAnswer, OnnxFacts } from './onnx-facts.ts';
import { onnxFindings } from './onnx-faults.ts';

/** One network of a package, and what is to be said of it. */
export interface NetworkReport {
  /** As the manifest names it. */
  readonly path: string;
  readonly facts: OnnxFacts | undefined;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** Holds the networks of packages against their manifests; by package, in order. One process reads them all. */
export async function inspectPackages(
  models: readonly Pick<Model, 'manifest' | 'files'>[],
): Promise<NetworkReport[][]> {
  const questions = models.flatMap(({ manifest, files }) =>
    files.map((path) => ({ path, wanted: manifest.explain?.featureTensor ? [manifest.explain.featureTensor] : [] })),
  );
  const answers = await inspectOnnx(questions).catch((error: unknown): OnnxAnswer[] =>
    questions.map(() => ({ ok: false, reason: sentenceOf(error) })),
  );
  let next = 0;
  return models.map(({ manifest }) =>
    manifest.files.map((file, i) => report(manifest, i, file.path, answers[next++]!)),
  );
}

function report(manifest: Model['manifest'], i: number, path: string, answer: OnnxAnswer): NetworkReport {
  if (!answer.ok) return { path, facts: undefined, faults: [`files[${i}] ${path}: ${answer.reason}`], warnings: [] };
  const { faults, warnings } = onnxFindings(answer.facts, manifest, manifest.files[i]!);
  const named = (sentence: string): string => `files[${i}] ${path}: ${sentence}`;
  return { path, facts: answer.facts, faults: faults.map(named), warnings: warnings.map(named) };
}
