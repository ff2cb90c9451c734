import { sentenceOf, VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type BrokenModel, type ModelLibrary, packageFolders, sortModels } from './model-library.ts';
import { loadPackage, type Model } from './model-package.ts';
import { inspectPackages } from './onnx/inspect-package.ts';
import { fingerprintOf } from './package-fingerprint.ts';
import type { PackageStore } from './package-store.ts';

/** What is remembered of a version: its digest, and whether results name it. */
export interface RecordedVersion {
  readonly digest: string;
  readonly hasResults: boolean;
}

export interface LibraryParts {
  readonly folders: readonly string[];
  readonly store: PackageStore;
  readonly recorded: (id: string, version: string) => Promise<RecordedVersion | undefined>;
  readonly record: (model: Model) => Promise<void>;
  /** Tries a package that came while the node runs; at its start only says what an earlier trial has said. A sentence where it fails. */
  readonly trial: (model: Model, options: { readonly running: boolean }) => Promise<string | undefined>;
  readonly log: Log;
}

/** What a look at the folders changed; "id@version", and the broken with their reasons. */
export interface ReloadReport {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly broken: readonly BrokenModel[];
}

/** What stands for one folder of a package. */
interface Entry {
  readonly fingerprint: string;
  /** Our copy of it; of what was there before, where there is a reason why not. */
  readonly model: Model | undefined;
  readonly reason: string | undefined;
}

/**
 * The model library of a running node: looks again when it is told to, and swaps what has changed in one step. A package that is
 * broken, changed under its version or failing its golden pair leaves the one before it in place. Who holds a `Model` keeps it.
 */
export class LiveLibrary implements ModelLibrary {
  readonly #parts: LibraryParts;
  #entries: ReadonlyMap<string, Entry> = new Map();
  #models: readonly Model[] = [];
  #broken: readonly BrokenModel[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: LibraryParts) {
    this.#parts = parts;
  }

  static async open(parts: LibraryParts): Promise<LiveLibrary> {
    const library = new LiveLibrary(parts);
    await library.#look(false);
    await parts.store.prune(new Set([...library.#entries.values()].flatMap(({ model }) => model?.key ?? [])));
    return library;
  }

  get models(): readonly Model[] {
    return this.#models;
  }

  get broken(): readonly BrokenModel[] {
    return this.#broken;
  }

  /**
   * Looks at the folders again, after whoever looks now.
   * @param retry also at what was left out and is as it was: its reason may have been elsewhere
   */
  reload({ retry = false }: { readonly retry?: boolean } = {}): Promise<ReloadReport> {
    const report = this.#turn.then(() => this.#look(true, retry));
    this.#turn = report.catch(() => undefined);
    return report;
  }

  async #look(running: boolean, retry = false): Promise<ReloadReport> {
    const before = this.#entries;
    const folders = await packageFolders(this.#parts.folders);
    const seen = await Promise.all(
      folders.map(async (folder) => ({ folder, fingerprint: await fingerprintOf(folder) })),
    );
    const anew = seen.filter(({ folder, fingerprint }) => {
      const known = before.get(folder);
      return known?.fingerprint !== fingerprint || (retry && known.reason !== undefined);
    });
    const loaded = await this.#load(anew.map(({ folder }) => folder));
    const entries = new Map<string, Entry>();
    for (const { folder, fingerprint } of seen) {
      const outcome = loaded.get(folder);
      const known = before.get(folder);
      if (outcome === undefined) entries.set(folder, known!);
      else entries.set(folder, { fingerprint, ...(await this.#settle(folder, outcome, { known, running })) });
    }
    const named = (): Set<string> => new Set(this.#models.map(nameAndKey));
    const old = named();
    this.#swap(entries);
    return reportOf(old, named(), this.#broken);
  }

  /** Manifest, files and networks of each folder; the networks of all in one process. */
  async #load(folders: readonly string[]): Promise<Map<string, Model | string>> {
    const outcomes = new Map<string, Model | string>();
    for (const folder of folders)
      outcomes.set(folder, await loadPackage(folder).catch((error: unknown) => sentenceOf(error)));
    const sound = [...outcomes].flatMap(([folder, model]) => (typeof model === 'string' ? [] : [{ folder, model }]));
    const networks = await inspectPackages(sound.map(({ model }) => model));
    sound.forEach(({ folder }, i) => {
      const faults = networks[i]!.flatMap((network) => network.faults);
      if (faults.length > 0) outcomes.set(folder, `${folder}: ${faults.join('; ')}`);
    });
    return outcomes;
  }

  async #settle(
    folder: string,
    outcome: Model | string,
    { known, running }: { readonly known: Entry | undefined; readonly running: boolean },
  ): Promise<Omit<Entry, 'fingerprint'>> {
    const { store, recorded, record, trial, log } = this.#parts;
    const [id, version] = folder.split('/').slice(-2) as [string, string];
    const earlier = await recorded(id, version);
    try {
      if (typeof outcome === 'string') throw new VoxgateError('bad-model', outcome);
      refuseChanged(outcome, earlier);
      const kept = await store.keep(outcome);
      const failure = await trial(kept, { running });
      if (failure !== undefined) throw new VoxgateError('bad-model', `${folder}: ${failure}`);
      await record(kept);
      return { model: kept, reason: undefined };
    } catch (error) {
      const reason = sentenceOf(error);
      log.error({ folder, reason }, 'a model package was left out');
      return { model: known?.model ?? (earlier && (await store.find(earlier.digest))), reason };
    }
  }

  #swap(entries: ReadonlyMap<string, Entry>): void {
    const models: Model[] = [];
    const broken: BrokenModel[] = [];
    for (const [folder, { model, reason }] of entries) {
      const stays = model === undefined ? '' : '; the one that was there before stays in use';
      if (reason !== undefined) broken.push({ folder, reason: `${reason}${stays}` });
      if (model === undefined) continue;
      const { id, version } = model.manifest;
      const first = models.some(({ manifest }) => manifest.id === id && manifest.version === version);
      if (first) broken.push({ folder, reason: `${id} ${version} is already in the library` });
      else models.push(model);
    }
    this.#entries = entries;
    this.#models = sortModels(models);
    this.#broken = broken;
  }
}

/** A version that results name stays what it was: somebody may look up what made them. */
function refuseChanged({ manifest: { id, version }, key }: Model, earlier: RecordedVersion | undefined): void {
  if (!earlier?.hasResults || earlier.digest === key) return;
  throw new VoxgateError(
    'bad-model',
    `${id} ${version} has made results with the digest ${earlier.digest.slice(0, 12)}…, and this package has ${key.slice(0, 12)}…: what has changed needs a new version`,
  );
}

const nameAndKey = ({ manifest, key }: Model): string => `${manifest.id}@${manifest.version} ${key}`;

function reportOf(old: ReadonlySet<string>, now: ReadonlySet<string>, broken: readonly BrokenModel[]): ReloadReport {
  const names = (set: ReadonlySet<string>): Set<string> => new Set([...set].map((one) => one.split(' ')[0]!));
  const [was, is] = [names(old), names(now)];
  return {
    added: [...is].filter((name) => !was.has(name)),
    changed: [...now]
      .filter((one) => !old.has(one))
      .flatMap((one) => (was.has(one.split(' ')[0]!) ? [one.split(' ')[0]!] : [])),
    removed: [...was].filter((name) => !is.has(name)),
    broken,
  };
}
