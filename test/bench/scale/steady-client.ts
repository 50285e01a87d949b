// A client that never pauses: asks for one path again and again, on one connection. A new path may answer 404 until its first 200;
// every other answer is unexpected, and is counted.
import { Agent, get } from 'node:http';
import { HOST } from '../workspace.ts';

const ANSWER_TIMEOUT_MS = 10_000;
/** Between an answer and the next request: a client that takes all it can get would be what is measured. */
const PAUSE_MS = 1;

export class SteadyClient implements AsyncDisposable {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #asking: Promise<void>;
  #path: string;
  #hasAnswered = false;
  #onFirst: ((atMs: number) => void) | undefined = undefined;
  #isClosed = false;
  #answers = 0;
  #unexpected = 0;

  /** @param path one that answers. */
  constructor(port: number, path: string) {
    this.#port = port;
    this.#path = path;
    this.#hasAnswered = true;
    this.#asking = this.#ask();
  }

  get answers(): number {
    return this.#answers;
  }

  get unexpected(): number {
    return this.#unexpected;
  }

  /** Asks for another path from now on. The time of its first 200, as of `performance.now()`. @throws Error when there is none in 10 s. */
  async firstAnswer(path: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timer = setTimeout(() => reject(new Error(`${path} does not answer 200`)), ANSWER_TIMEOUT_MS);
    this.#path = path;
    this.#hasAnswered = false;
    this.#onFirst = resolve;
    return await promise.finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#asking;
    this.#agent.destroy();
  }

  async #ask(): Promise<void> {
    while (!this.#isClosed) {
      const path = this.#path;
      const status = await this.#statusOf(path);
      if (path === this.#path) this.#count(status);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #count(status: number): void {
    this.#answers++;
    if (status === 200) {
      if (!this.#hasAnswered) this.#onFirst?.(performance.now());
      this.#hasAnswered = true;
    } else if (status !== 404 || this.#hasAnswered) this.#unexpected++;
  }

  /** 0: no answer. */
  #statusOf(path: string): Promise<number> {
    const request = { host: '127.0.0.1', port: this.#port, path, headers: { host: HOST }, agent: this.#agent };
    return new Promise((resolve) => {
      get(request, (response) => {
        response.resume().once('close', () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
      }).once('error', () => resolve(0));
    });
  }
}
