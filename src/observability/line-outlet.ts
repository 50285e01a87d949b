// Where a LineSink's bytes go: a file that is appended to, or a standard stream. Nothing here blocks the event loop, nor the exit of
// the process: a pipe that nobody reads is never written to from the thread pool.
import { closeSync, constants, fstatSync, open, openSync, write } from 'node:fs';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';

/** `written`: bytes of the buffer that are out, also beside an error. */
export type WriteCallback = (error: Error | null, written: number) => void;

export interface LineOutlet {
  /** Whether writing can succeed again after it failed. */
  readonly recovers: boolean;
  /** One call at a time. */
  write(bytes: Uint8Array, callback: WriteCallback): void;
  /** Not while a write is under way. On an error the old file stays. */
  reopen(callback: (error: Error | null) => void): void;
  close(): void;
}

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const FILE_MODE = 0o640;

/** @throws a system error where the file can't be opened. */
export function openFileOutlet(path: string): LineOutlet {
  return new FileOutlet(openSync(path, APPEND, FILE_MODE), path);
}

export function standardOutlet(name: 'stdout' | 'stderr'): LineOutlet {
  const fd = name === 'stdout' ? 1 : 2;
  const status = fstatSync(fd);
  // Node writes to files synchronously through its standard streams, but to pipes and sockets asynchronously.
  const isFile = status.isFile() || (status.isCharacterDevice() && !isatty(fd));
  return isFile ? new FileOutlet(fd, undefined) : new StreamOutlet(process[name]);
}

class FileOutlet implements LineOutlet {
  readonly recovers = true;
  #fd: number;
  /** undefined: a descriptor that was inherited. */
  readonly #path: string | undefined;

  constructor(fd: number, path: string | undefined) {
    this.#fd = fd;
    this.#path = path;
  }

  write(bytes: Uint8Array, callback: WriteCallback): void {
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => callback(error, written ?? 0));
  }

  reopen(callback: (error: Error | null) => void): void {
    if (this.#path === undefined) {
      callback(null);
      return;
    }
    open(this.#path, APPEND, FILE_MODE, (error, fd) => {
      if (error === null) {
        closeSync(this.#fd);
        this.#fd = fd;
      }
      callback(error);
    });
  }

  close(): void {
    if (this.#path !== undefined) closeSync(this.#fd);
  }
}

class StreamOutlet implements LineOutlet {
  readonly recovers = false;
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // The write's callback has it too; unheard, it would end the process, also after close().
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  }

  write(bytes: Uint8Array, callback: WriteCallback): void {
    this.#stream.write(bytes, (error) => callback(error ?? null, error ? 0 : bytes.length));
  }

  reopen(callback: (error: Error | null) => void): void {
    callback(null);
  }

  close(): void {}
}

function ignore(): void {}
