import { join } from 'node:path';
import type { Database } from '../catalog/database.ts';
import { readModelVersion, recordModelCheck, recordModelVersion } from '../catalog/model-versions.ts';
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
    trial: async (model) => {
      if (!model.manifest.golden) return undefined;
      const { ok, reason } = await checkModel(model, { engineFor: () => parts.engine, workFolder: parts.workFolder });
      return ok ? undefined : `its golden pair is not reproduced: ${reason}`;
    },
  });
  const unwatch = watchLibrary(library, { folders, pollSeconds: parts.lookSeconds, log });
  return { library, check, close: unwatch };
}

function nameOf({ manifest, key }: Model): { id: string; version: string; digest: string } {
  return { id: manifest.id, version: manifest.version, digest: key };
}
