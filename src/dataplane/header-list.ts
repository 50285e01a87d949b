// A flat list of header fields: name, value, name, value, … Names are lower case; values are latin1 text, byte for byte as they
// came. Order and repetition are kept. Codecs fill it and serialise it; nobody else builds wire text.

export class HeaderList {
  /** name, value, name, value, … Read it in loops; change it through the methods. */
  readonly fields: string[];

  constructor(fields: string[] = []) {
    this.fields = fields;
  }

  get count(): number {
    return this.fields.length / 2;
  }

  /** The first value, as most single-valued fields want it. */
  get(name: string): string | undefined {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === name) return fields[i + 1];
    }
    return undefined;
  }

  has(name: string): boolean {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === name) return true;
    }
    return false;
  }

  /** All values joined by `,` (RFC 9110 section 5.3, without the optional blank), or undefined where the name is absent. */
  getJoined(name: string): string | undefined {
    const { fields } = this;
    let joined: string | undefined;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === name) joined = joined === undefined ? fields[i + 1] : `${joined},${fields[i + 1]}`;
    }
    return joined;
  }

  append(name: string, value: string): void {
    this.fields.push(name, value);
  }

  /** Replaces the first field of that name in its place, drops the others, appends where there was none. */
  set(name: string, value: string): void {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === name) {
        fields[i + 1] = value;
        this.#removeFrom(i + 2, name);
        return;
      }
    }
    fields.push(name, value);
  }

  remove(name: string): void {
    this.#removeFrom(0, name);
  }

  clone(): HeaderList {
    return new HeaderList(this.fields.slice());
  }

  #removeFrom(start: number, name: string): void {
    const { fields } = this;
    let kept = start;
    for (let i = start; i < fields.length; i += 2) {
      if (fields[i] === name) continue;
      if (kept !== i) {
        fields[kept] = fields[i] as string;
        fields[kept + 1] = fields[i + 1] as string;
      }
      kept += 2;
    }
    fields.length = kept;
  }
}
