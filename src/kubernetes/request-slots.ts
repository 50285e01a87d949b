// Lets a bounded number of calls run at once and a bounded number wait, in order of arrival.
import { ApiError } from './api-error.ts';

export const MAX_CONCURRENT_REQUESTS = 32;
export const MAX_WAITING_REQUESTS = 1_024;

export class RequestSlots {
  #free = MAX_CONCURRENT_REQUESTS;
  readonly #waiting: (() => void)[] = [];

  /** @throws ApiError `overloaded` when too many wait. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#waiting.length >= MAX_WAITING_REQUESTS) {
        throw new ApiError('overloaded', `more than ${MAX_WAITING_REQUESTS} calls wait for the API server`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
