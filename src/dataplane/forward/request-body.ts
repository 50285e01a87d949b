// The part of a request body that was read already and may have to be sent (again): before a connection is there, and as long as a
// try that fails without harm can be repeated. Bounded; beyond the bound the body streams and is not repeated.
import type { Http1ClientConnection } from '../codec/http1/client-connection.ts';
import type { HeaderList } from '../header-list.ts';

export const MAX_REPLAY_BYTES: number = 64 * 1024;

export class RequestBody {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isComplete = false;
  #trailers: HeaderList | undefined = undefined;
  #connection: Http1ClientConnection | undefined = undefined;
  #keeps = true;

  /** Everything that arrived so far is still here. */
  get isReplayable(): boolean {
    return this.#keeps;
  }

  /** Sends what is there; what comes later goes straight through. */
  attach(connection: Http1ClientConnection): void {
    this.#connection = connection;
    for (const chunk of this.#chunks) connection.writeRequest(chunk);
    if (!this.#keeps) this.#chunks = [];
    if (this.#isComplete) connection.endRequest(this.#trailers);
    else connection.flushRequest();
  }

  detach(): void {
    this.#connection = undefined;
  }

  /** No try will be repeated any more. */
  forget(): void {
    this.#keeps = false;
    if (this.#connection !== undefined) this.#chunks = [];
  }

  /** Returns false when the source has to pause. */
  write(chunk: Uint8Array): boolean {
    const connection = this.#connection;
    if (this.#keeps || connection === undefined) {
      this.#bytes += chunk.length;
      if (this.#bytes > MAX_REPLAY_BYTES && connection !== undefined) this.forget();
      else this.#chunks.push(chunk);
    }
    return connection !== undefined && connection.writeRequest(chunk);
  }

  flush(): void {
    this.#connection?.flushRequest();
  }

  end(trailers: HeaderList | undefined): void {
    this.#isComplete = true;
    this.#trailers = trailers;
    this.#connection?.endRequest(trailers);
  }
}
