// A deadline of something that has several of them, such as a connection.
import { Deadline } from '../../lib/timeout-queue.ts';

export class ConnectionDeadline extends Deadline {
  readonly #expire: () => void;

  constructor(expire: () => void) {
    super();
    this.#expire = expire;
  }

  onExpired(): void {
    this.#expire();
  }
}
