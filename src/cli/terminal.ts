// Where commands print: results on standard output, everything else on standard error. Colours only where a person looks on and did not
// say NO_COLOR. Whatever a manifest or a request holds, nothing but colours of our own reaches the terminal as a control sequence.
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

export interface Terminal {
  readonly output: Channel;
  readonly errors: Channel;
}

type Format = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

export class Channel {
  readonly #stream: Writable;
  readonly #isColored: boolean;

  constructor(stream: Writable, isColored: boolean) {
    this.#stream = stream;
    this.#isColored = isColored;
    // A reader that went away (`| head`) wants no more; that is no failure.
    stream.on('error', () => {});
  }

  /** Lines, without the newline of the last. */
  print(text: string): void {
    this.#stream.write(`${printable(text)}\n`);
  }

  strong(text: string): string {
    return this.#style('bold', text);
  }

  faint(text: string): string {
    return this.#style('dim', text);
  }

  good(text: string): string {
    return this.#style('green', text);
  }

  warning(text: string): string {
    return this.#style('yellow', text);
  }

  bad(text: string): string {
    return this.#style('red', text);
  }

  #style(format: Format, text: string): string {
    return this.#isColored ? styleText(format, text, { validateStream: false }) : text;
  }
}

export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  return { output: new Channel(stdout, hasColors(stdout)), errors: new Channel(stderr, hasColors(stderr)) };
}

/** Node looks at NO_COLOR and at what the terminal can do. */
function hasColors(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.hasColors();
}

/** Controls but tab and newline, and what changes the direction of text; colours pass. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNPRINTABLE = /(?!\x1b\[\d{1,2}m)[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** Written as JSON and YAML write them, so that these stay what they are. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
