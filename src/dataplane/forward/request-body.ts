// The part of a request body that was read already and may have to be sent (again): before a stream is there, and as long as a
// try that fails without harm can be repeated. Bounded, for each request and for all; beyond the bound the body streams and is not
// repeated.
import type { HeaderList } from '../header-list.ts';
import type { UpstreamStream } from '../upstream-stream.ts';

export const MAX_REPLAY_BYTES: number = 64 * 1024;

/** What all requests together may keep of their bodies. */
export class ReplayBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns whether there was room; it is taken then. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export class RequestBody {
  readonly #budget: ReplayBudget;
  #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  #isComplete = false;
  #trailers: HeaderList | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #keeps = true;

  constructor(budget: ReplayBudget) {
    this.#budget = budget;
  }

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
    this.#budget.giveBack(this.#keptBytes);
    this.#keptBytes = 0;
    if (this.#stream !== undefined) this.#chunks = [];
  }

  /** Returns false when the source has to pause. */
  write(chunk: Uint8Array): boolean {
    const stream = this.#stream;
    if (this.#keeps && !this.#mayKeep(chunk.length)) this.forget();
    if (this.#keeps || stream === undefined) this.#chunks.push(chunk);
    return stream !== undefined && stream.writeRequest(chunk);
  }

  flush(): void {
    this.#stream?.flushRequest();
  }

  /** Whether chunks are still looked at, here or by the stream. */
  get holdsChunks(): boolean {
    return this.#chunks.length > 0 || this.#stream?.holdsRequestChunks === true;
  }

  end(trailers: HeaderList | undefined): void {
    this.#isComplete = true;
    this.#trailers = trailers;
    this.#stream?.endRequest(trailers);
  }

  #mayKeep(bytes: number): boolean {
    if (this.#keptBytes + bytes > MAX_REPLAY_BYTES || !this.#budget.take(bytes)) return false;
    this.#keptBytes += bytes;
    return true;
  }
}
