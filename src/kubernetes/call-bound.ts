// What can end one call early: its caller, by a signal, or time. Joins both in one signal and says afterwards which of them it was.
import { ApiError } from './api-error.ts';

export class CallBound {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onCallerAbort = (): void => this.#controller.abort(this.#caller?.reason);

  constructor(caller: AbortSignal | undefined, timeoutMs: number) {
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new ApiError('timeout', `the API server did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    if (caller?.aborted === true) this.#onCallerAbort();
    else caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on only the caller can end the call. */
  endTimeout(): void {
    clearTimeout(this.#timer);
  }

  /** Must be called when the call is over. */
  release(): void {
    this.endTimeout();
    this.#caller?.removeEventListener('abort', this.#onCallerAbort);
  }

  /** A promise that can't be cancelled itself is no longer waited for. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const { signal } = this;
      const onAbort = (): void => reject(signal.reason as Error);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** The error to throw for one that was caught: why the call was ended, if it was. */
  explain(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }
}
