// What the encoder knows of its dynamic table (RFC 7541 section 2.3.2): values and sizes of the entries, each with a link to an older
// one of the same name. Entries are numbered as they come, and a number means the same entry for as long as that is in the table.
import { ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts';

/** The number of no entry. */
export const NO_ENTRY = -1;

/** What a table starts with (RFC 9113 section 6.5.2), and the most that is used. */
export const MAX_TABLE_BYTES = 4096;
/** A power of two. */
const MAX_ENTRIES: number = MAX_TABLE_BYTES / ENTRY_OVERHEAD_BYTES;
const SLOT_MASK: number = MAX_ENTRIES - 1;
/** As many entries of a name are looked at; values of older ones are written anew. */
const MAX_STEPS = 16;

interface Entry {
  value: string;
  readonly bytes: number;
  /** The number of the entry before this one with the same name. */
  readonly previous: number;
}

export class EncoderTable {
  /** A ring: the entry with number n is at n & SLOT_MASK. */
  readonly #entries: Entry[] = [];
  #next = 0;
  #oldest = 0;
  #bytes = 0;
  #maxBytes: number = MAX_TABLE_BYTES;

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Whether that entry has not been evicted. */
  has(entry: number): boolean {
    return entry >= this.#oldest;
  }

  /** 1 for the newest entry, which has the first index behind the static table. */
  age(entry: number): number {
    return this.#next - entry;
  }

  /** The entry with that value, from `newest`, the newest of its name, on; or NO_ENTRY. */
  find(value: string, newest: number): number {
    let entry = newest;
    for (let steps = 0; steps < MAX_STEPS && this.has(entry); steps++) {
      const { value: known, previous } = this.#entries[entry & SLOT_MASK] as Entry;
      if (known === value) return entry;
      entry = previous;
    }
    return NO_ENTRY;
  }

  /** Returns the number of the new entry, which must not be larger than the table. */
  add(value: string, bytes: number, previous: number): number {
    this.#evict(this.#maxBytes - bytes);
    this.#entries[this.#next & SLOT_MASK] = { value, bytes, previous };
    this.#bytes += bytes;
    return this.#next++;
  }

  /** Section 4.3. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(maxBytes: number): void {
    while (this.#bytes > maxBytes) {
      const entry = this.#entries[this.#oldest & SLOT_MASK] as Entry;
      entry.value = '';
      this.#bytes -= entry.bytes;
      this.#oldest++;
    }
  }
}
