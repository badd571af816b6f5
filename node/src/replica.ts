// Reads on a read replica. A replica that is behind the last poke of a space cannot show what the poke is about: then the primary answers.
import {read, type Database, type Row} from './database.js';
import type {Poke} from './listen.js';

const spacesKept = 10_000;

export class Replica {
  #primary: Database;
  #replica: Database | undefined;
  // The newest version of a space, as the last poke or the primary has told. Unknown: the primary answers.
  #heads = new Map<string, number>();
  #times = 0; // that all of them were forgotten

  constructor(primary: Database, replica: Database | undefined) {
    this.#primary = primary;
    this.#replica = replica;
  }

  get used(): boolean {
    return this.#replica !== undefined;
  }

  poke({space, version}: Poke): void {
    if (!this.#replica) return;
    if (space === null) {
      this.#heads.clear();
      this.#times++;
    } else if (version === undefined) this.#heads.delete(space.toLowerCase());
    else this.#keep(space.toLowerCase(), version);
  }

  /** The row of a call. `versionOf` says which version of the space it shows. null: that is not known. undefined: ask the primary. */
  async read(text: string, values: unknown[], space: string, signal: AbortSignal, versionOf: (row: Row) => number | null | undefined): Promise<Row> {
    const name = space.toLowerCase();
    const heard = this.#heads.get(name), times = this.#times;
    if (this.#replica) {
      // Whatever is amiss there, 25006 among it, the primary may do better.
      const [row] = await read(this.#replica, text, values, signal).catch(() => []);
      signal.throwIfAborted();
      const version = row && versionOf(row);
      if (row && (version === null || (version !== undefined && version >= (heard ?? Infinity)))) return row;
    }
    const [row] = await read(this.#primary, text, values, signal);
    const version = versionOf(row!);
    // All later changes are told by further pokes.
    if (this.#replica && typeof version === 'number' && this.#times === times && this.#heads.get(name) === heard) this.#keep(name, version);
    return row!;
  }

  #keep(name: string, version: number): void {
    this.#heads.delete(name);
    this.#heads.set(name, version);
    if (this.#heads.size > spacesKept) this.#heads.delete(this.#heads.keys().next().value!);
  }
}
