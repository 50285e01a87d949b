// The decoder's dynamic table (RFC 7541 section 2.3.2): a ring of names and values that grows with what it holds. It keeps no string
// of an evicted entry, so that its memory is bounded by its size in bytes.

/** What an entry counts besides its text (section 4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;

const FIRST_CAPACITY = 16;

export class DynamicTable {
  /** Name, value, name, value …; a power of two of entries. */
  #slots: string[] = [];
  #mask = -1;
  /** Where the next entry goes, counted in entries and never reset. */
  #inserted = 0;
  #length = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many entries there are. */
  get length(): number {
    return this.#length;
  }

  /** @param index 0 is the newest entry; must be less than `length`. */
  name(index: number): string {
    return this.#slots[((this.#inserted - 1 - index) & this.#mask) * 2] as string;
  }

  value(index: number): string {
    return this.#slots[((this.#inserted - 1 - index) & this.#mask) * 2 + 1] as string;
  }

  /** An entry that is larger than the table empties it (section 4.4). */
  add(name: string, value: string): void {
    const entryBytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#evict(this.#maxBytes - entryBytes);
    if (entryBytes > this.#maxBytes) return;
    if (this.#length > this.#mask) this.#grow();
    const slot = (this.#inserted & this.#mask) * 2;
    this.#slots[slot] = name;
    this.#slots[slot + 1] = value;
    this.#inserted = (this.#inserted + 1) | 0;
    this.#length++;
    this.#bytes += entryBytes;
  }

  /** Section 4.3. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(maxBytes: number): void {
    while (this.#length > 0 && this.#bytes > maxBytes) {
      const slot = ((this.#inserted - this.#length) & this.#mask) * 2;
      this.#bytes -=
        (this.#slots[slot] as string).length + (this.#slots[slot + 1] as string).length + ENTRY_OVERHEAD_BYTES;
      this.#slots[slot] = '';
      this.#slots[slot + 1] = '';
      this.#length--;
    }
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, (this.#mask + 1) * 2);
    const slots: string[] = [];
    for (let index = this.#length - 1; index >= 0; index--) slots.push(this.name(index), this.value(index));
    while (slots.length < capacity * 2) slots.push('');
    this.#slots = slots;
    this.#mask = capacity - 1;
    this.#inserted = this.#length;
  }
}
