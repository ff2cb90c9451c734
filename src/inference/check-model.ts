import { checkGolden, type EngineCheck, type GoldenOptions, type Provider } from './check-golden.ts';
import type { Model } from './model-package.ts';
import { inspectPackages, type NetworkReport } from './onnx/inspect-package.ts';

/** All that can be said of a package without images of a patient. */
export interface ModelCheck {
  /** Every network is what the manifest says, and an engine has reproduced the golden pair, and none failed to. */
  readonly ok: boolean;
  /** For a person: one sentence. */
  readonly reason: string;
  readonly networks: readonly NetworkReport[];
  /** In the order of the manifest's preference. */
  readonly engines: readonly EngineCheck[];
}

export interface CheckOptions extends Omit<GoldenOptions, 'provider' | 'engine'> {
  /** An engine for one provider; called before each, and what it gives is closed by whoever gave it. */
  readonly engineFor: (provider: Provider) => GoldenOptions['engine'];
}

/** Holds the networks against the manifest, then runs the golden pair on every engine that the manifest allows. */
export async function checkModel(model: Model, { engineFor, ...options }: CheckOptions): Promise<ModelCheck> {
  const [networks] = await inspectPackages([model]);
  const faults = networks!.flatMap((network) => network.faults);
  if (faults.length > 0) return { ok: false, reason: faults.join('; '), networks: networks!, engines: [] };
  if (!model.manifest.golden)
    return { ok: false, reason: 'the package has no golden pair to hold it against', networks: networks!, engines: [] };
  const engines: EngineCheck[] = [];
  for (const provider of model.manifest.engine.providers)
    engines.push(await checkGolden(model, { ...options, provider, engine: engineFor(provider) }));
  return { ...verdictOf(engines), networks: networks!, engines };
}

function verdictOf(engines: readonly EngineCheck[]): Pick<ModelCheck, 'ok' | 'reason'> {
  const failed = engines.filter(({ state }) => state === 'failed');
  const passed = engines.filter(({ state }) => state === 'passed').map(({ provider }) => provider);
  if (failed.length > 0)
    return { ok: false, reason: failed.map(({ provider, reason }) => `${provider}: ${reason}`).join('; ') };
  if (passed.length === 0) return { ok: false, reason: 'none of its engines is present on this machine' };
  return { ok: true, reason: `the golden pair is reproduced on ${passed.join(', ')}` };
}
