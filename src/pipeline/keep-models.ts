import { join } from 'node:path';
import type { Database } from '../catalog/database.ts';
import {
  readFailedTrial,
  readModelVersion,
  recordModelCheck,
  recordModelVersion,
  recordTrial,
} from '../catalog/model-versions.ts';
import { checkModel, type ModelCheck } from '../inference/check-model.ts';
import type { Engine } from '../inference/engine.ts';
import { LiveLibrary } from '../inference/live-library.ts';
import type { Model } from '../inference/model-package.ts';
import { PackageStore } from '../inference/package-store.ts';
import { watchLibrary } from '../inference/watch-library.ts';
import type { Log } from '../log.ts';

export interface ModelParts {
  readonly folders: readonly string[];
  readonly lookSeconds: number;
  /** The data folder: our copies of packages lie in it. */
  readonly data: string;
  readonly workFolder: string;
  readonly database: Database;
  readonly engine: Pick<Engine, 'run'>;
  readonly log: Log;
}

/** The models of a running node. */
export interface KeptModels {
  readonly library: LiveLibrary;
  /** Runs the golden pair of a model on the engines it allows, and remembers what came of it. */
  check(model: Model): Promise<ModelCheck>;
  close(): void;
}

/**
 * Opens the library and keeps it up to date with its folders. A version that has made results may not change; one that comes while the
 * node runs is tried on its golden pair, where it has one, before a job can meet it.
 */
export async function keepModels(parts: ModelParts): Promise<KeptModels> {
  const { database, folders, log } = parts;
  const check = async (model: Model): Promise<ModelCheck> => {
    const report = await checkModel(model, {
      engineFor: () => parts.engine,
      workFolder: parts.workFolder,
      warmRuns: 1,
    });
    await recordModelCheck(database, { ...nameOf(model), report });
    return report;
  };
  const library = await LiveLibrary.open({
    folders,
    log,
    store: new PackageStore(join(parts.data, 'models')),
    recorded: (id, version) => readModelVersion(database, id, version),
    record: (model) => recordModelVersion(database, nameOf(model)),
    trial: async (model, { running }) => {
      if (!model.manifest.golden) return undefined;
      if (!running) return readFailedTrial(database, model.key);
      const { ok, reason, engines } = await checkModel(model, {
        engineFor: () => parts.engine,
        workFolder: parts.workFolder,
      });
      const failure = ok ? undefined : `its golden pair is not reproduced: ${reason}`;
      // An engine that is away is no fault of the package: at the next start it may be there.
      const final = ok || engines.some(({ state }) => state === 'failed');
      if (final) await recordTrial(database, model.key, failure);
      return failure;
    },
  });
  const { lookSeconds: pollSeconds } = parts;
  const unwatch = pollSeconds > 0 ? watchLibrary(library, { folders, pollSeconds, log }) : () => undefined;
  return { library, check, close: unwatch };
}

function nameOf({ manifest, key }: Model): { id: string; version: string; digest: string } {
  return { id: manifest.id, version: manifest.version, digest: key };
}
