import { closeSync, constants, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { folderOf, objectPath } from './object-key.ts';
import type { OpenObject } from './open-object.ts';

const FOLDERS_OPEN = 8;

/** Who is told what became of objects. */
export interface MoveOutcome {
  published(ids: readonly number[]): void;
  failed(id: number, error: unknown): void;
}

interface Move {
  readonly object: OpenObject;
  readonly key: string;
}

/**
 * Brings objects that are whole to their place and makes them durable, in a disk thread: the file, and its name in the
 * folder. What ended while it was busy shares one folder sync.
 */
export class ObjectMover {
  readonly #objects: string;
  readonly #outcome: MoveOutcome;
  /** Folders that are there, with the descriptor that syncs them. The newest ones; others are opened again. */
  readonly #folders = new Map<string, number>();
  /** Folders that were made, and their names are not known to be durable. */
  readonly #unsynced = new Set<string>();
  #waiting: Move[] = [];

  constructor(objects: string, outcome: MoveOutcome) {
    this.#objects = objects;
    this.#outcome = outcome;
  }

  /** After the orders that have come meanwhile: what they end is moved with it. */
  add(object: OpenObject, key: string): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#moveAll());
    this.#waiting.push({ object, key });
  }

  forget(object: OpenObject): void {
    this.#waiting = this.#waiting.filter((move) => move.object !== object);
  }

  #moveAll(): void {
    const moves = this.#waiting;
    this.#waiting = [];
    // The new name first: the journal that the sync of a file writes has it then, and that of the folder finds it there.
    const moved = moves.filter((move) => this.#attempt(move, () => this.#rename(move)));
    const short = moved.filter(({ object }) => object.isShort);
    for (const move of moved) if (!short.includes(move)) void this.#finishLong(move);
    this.#syncFolders(short.filter((move) => this.#attempt(move, () => move.object.finish())));
  }

  async #finishLong(move: Move): Promise<void> {
    try {
      await move.object.prepareFinish();
    } catch (error) {
      this.#outcome.failed(move.object.id, error);
      return;
    }
    if (this.#attempt(move, () => move.object.finish())) this.#syncFolders([move]);
  }

  #rename({ object, key }: Move): void {
    this.#folder(folderOf(key));
    object.rename(objectPath(this.#objects, key));
  }

  #syncFolders(moves: readonly Move[]): void {
    for (const [folder, ids] of idsByFolder(moves)) {
      try {
        fsyncSync(this.#folder(folder));
        this.#outcome.published(ids);
      } catch (error) {
        for (const id of ids) this.#outcome.failed(id, error);
      }
    }
  }

  /** Once in ten minutes it is made, and the names of new folders synced up to the one that was there. */
  #folder(name: string): number {
    const known = this.#folders.get(name);
    if (known !== undefined) return known;
    const path = `${this.#objects}/${name}`;
    if (mkdirSync(path, { recursive: true }) !== undefined) this.#unsynced.add(name);
    if (this.#unsynced.has(name)) for (const parent of parentsOf(name)) syncFolder(`${this.#objects}/${parent}`);
    this.#unsynced.delete(name);
    const fd = openSync(path, constants.O_RDONLY);
    this.#folders.set(name, fd);
    const [oldest] = this.#folders;
    if (this.#folders.size > FOLDERS_OPEN && oldest) {
      this.#folders.delete(oldest[0]);
      closeSync(oldest[1]);
    }
    return fd;
  }

  #attempt({ object }: Move, step: () => void): boolean {
    if (object.givenUp) return false;
    try {
      step();
      return true;
    } catch (error) {
      this.#outcome.failed(object.id, error);
      return false;
    }
  }
}

function idsByFolder(moves: readonly Move[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const { object, key } of moves) {
    const group = groups.get(folderOf(key));
    if (group) group.push(object.id);
    else groups.set(folderOf(key), [object.id]);
  }
  return groups;
}

/** "2026-11-22/13-40" has its name in "2026-11-22", and that in the folder above. */
function parentsOf(folder: string): string[] {
  const slash = folder.indexOf('/');
  return slash === -1 ? [''] : [folder.slice(0, slash), ''];
}

function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
