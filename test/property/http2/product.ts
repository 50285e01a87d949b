// The modules of the HTTP/2 codec that the properties are about, of the product or of a broken copy of it.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as reader from '../../../src/dataplane/codec/http2/frame-reader.ts';
import type * as memory from '../../../src/dataplane/codec/http2/session-memory.ts';
import type * as session from '../../../src/dataplane/codec/http2/session.ts';

export type Product = Pick<typeof reader, 'FrameReader'> &
  Pick<typeof memory, 'SessionMemory'> &
  Pick<typeof session, 'FrameSession'>;

const FOLDER = 'dataplane/codec/http2';

export async function loadProduct(sources: string): Promise<Product> {
  const load = async (file: string): Promise<unknown> => import(pathToFileURL(join(sources, FOLDER, file)).href);
  return {
    ...((await load('frame-reader.ts')) as typeof reader),
    ...((await load('session-memory.ts')) as typeof memory),
    ...((await load('session.ts')) as typeof session),
  };
}

/** Runs what would otherwise wait for the end of the turn when `takeTurn` says so: nothing is left to chance but the choices of the seed. */
export class Turns {
  #waiting: (() => void)[] = [];
  readonly #setImmediate = globalThis.setImmediate;

  /** @throws whatever `action` throws. */
  run<T>(action: () => T): T {
    const wait = (callback: (...args: unknown[]) => void, ...args: unknown[]): void =>
      void this.#waiting.push(() => callback(...args));
    globalThis.setImmediate = wait as unknown as typeof setImmediate;
    try {
      return action();
    } finally {
      globalThis.setImmediate = this.#setImmediate;
    }
  }

  takeTurn(): void {
    const due = this.#waiting;
    this.#waiting = [];
    for (const callback of due) callback();
  }
}
