// The timeout of a whole request, for the routes that set one.
import { Deadline } from '../../lib/timeout-queue.ts';

export class RequestDeadline extends Deadline {
  readonly #request: { onRequestTimeout(): void };

  constructor(request: { onRequestTimeout(): void }) {
    super();
    this.#request = request;
  }

  onExpired(): void {
    this.#request.onRequestTimeout();
  }
}
