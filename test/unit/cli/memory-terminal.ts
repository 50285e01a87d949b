// A terminal that keeps what is printed. Nobody looks on, so nothing is coloured.
import { Writable } from 'node:stream';
import { Channel, type Terminal } from '../../../src/cli/terminal.ts';

export interface MemoryTerminal extends Terminal {
  readonly printed: { output: string; errors: string };
}

export function memoryTerminal(): MemoryTerminal {
  const printed = { output: '', errors: '' };
  return {
    printed,
    output: new Channel(
      collector((text) => (printed.output += text)),
      false,
    ),
    errors: new Channel(
      collector((text) => (printed.errors += text)),
      false,
    ),
  };
}

/** For texts whose style does not matter. */
export function plainStyle(): Channel {
  return memoryTerminal().output;
}

function collector(onText: (text: string) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done): void {
      onText(chunk.toString());
      done();
    },
  });
}
