// The part of a request body that was read already and may have to be sent (again): before a stream is there, and as long as a
// try that fails without harm can be repeated. Bounded; beyond the bound the body streams and is not repeated.
import type { HeaderList } from '../header-list.ts';
import type { UpstreamStream } from '../upstream-stream.ts';

export const MAX_REPLAY_BYTES: number = 64 * 1024;

export class RequestBody {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isComplete = false;
  #trailers: HeaderList | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #keeps = true;

  /** Everything that arrived so far is still here. */
  get isReplayable(): boolean {
    return this.#keeps;
  }

  /** Sends what is there; what comes later goes straight through. */
  attach(stream: UpstreamStream): void {
    this.#stream = stream;
    for (const chunk of this.#chunks) stream.writeRequest(chunk);
    if (!this.#keeps) this.#chunks = [];
    if (this.#isComplete) stream.endRequest(this.#trailers);
    else stream.flushRequest();
  }

  detach(): void {
    this.#stream = undefined;
  }

  /** No try will be repeated any more. */
  forget(): void {
    this.#keeps = false;
    if (this.#stream !== undefined) this.#chunks = [];
  }

  /** Returns false when the source has to pause. */
  write(chunk: Uint8Array): boolean {
    const stream = this.#stream;
    if (this.#keeps || stream === undefined) {
      this.#bytes += chunk.length;
      if (this.#bytes > MAX_REPLAY_BYTES && stream !== undefined) this.forget();
      else this.#chunks.push(chunk);
    }
    return stream !== undefined && stream.writeRequest(chunk);
  }

  flush(): void {
    this.#stream?.flushRequest();
  }

  end(trailers: HeaderList | undefined): void {
    this.#isComplete = true;
    this.#trailers = trailers;
    this.#stream?.endRequest(trailers);
  }
}
