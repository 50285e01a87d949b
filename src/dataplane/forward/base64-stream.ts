// Base64 as it comes and goes, in whole groups of four characters. Padding may end any group, as senders that flush in between pad there;
// at most three characters, or two bytes, wait for the rest of their group.

const GROUP = 4;
const GROUP_BYTES = 3;
/** Groups, padded or not. */
const GROUPS = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/;
const PADDED_RUN = /[^=]+=*/g;

export class Base64Decoder {
  #rest = '';

  /** Undefined where it is not base64. */
  write(chunk: Uint8Array): Buffer | undefined {
    const text = this.#rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    const end = text.length - (text.length % GROUP);
    this.#rest = text.slice(end);
    const groups = text.slice(0, end);
    if (!GROUPS.test(groups)) return undefined;
    const runs = groups.includes('=') ? (groups.match(PADDED_RUN) ?? []) : [groups];
    return Buffer.concat(runs.map((run) => Buffer.from(run, 'base64')));
  }

  get isBetweenGroups(): boolean {
    return this.#rest === '';
  }
}

export class Base64Encoder {
  #rest: Buffer = Buffer.alloc(0);

  write(chunk: Uint8Array): Buffer {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const end = bytes.length - (bytes.length % GROUP_BYTES);
    this.#rest = bytes.subarray(end);
    return Buffer.from(bytes.toString('base64', 0, end), 'latin1');
  }

  /** What waited, padded. */
  end(): Buffer {
    const rest = this.#rest.toString('base64');
    this.#rest = Buffer.alloc(0);
    return Buffer.from(rest, 'latin1');
  }
}
