// A copy of a request on its way to a mirror: sent as long as the mirror keeps up, its answer thrown away. It never delays or fails the
// request it copies.
import { Deadline } from '../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { RuntimeCluster } from '../cluster/runtime-cluster.ts';
import type { EndpointPool } from '../cluster/endpoint-pool.ts';
import type { PoolWaiter } from '../cluster/pool/pool.ts';
import type { BodyLength, Exchange, RequestHead } from '../exchange.ts';
import type { HeaderList } from '../header-list.ts';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import type { UpstreamHandler, UpstreamStream } from '../upstream-stream.ts';

/** Body bytes that wait for the mirror; one that is slower than this is given up. */
const MAX_WAITING_BYTES: number = 256 * 1024;

export class RequestMirror extends Deadline implements PoolWaiter, UpstreamHandler {
  /** A mirror gets a request, never a tunnel. */
  readonly upgrade = undefined;
  readonly clientCertificate: RuntimeCertificate | undefined;
  readonly #head: RequestHead;
  readonly #length: BodyLength;
  readonly #acceptsTrailers: boolean;
  #pool: EndpointPool | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #end: { readonly trailers: HeaderList | undefined } | undefined = undefined;
  #isOver = false;

  /** Of the request as it is now, whatever is changed in it from here on. */
  constructor(
    { request, requestBodyLength, acceptsTrailers }: Exchange,
    clientCertificate: RuntimeCertificate | undefined,
  ) {
    super();
    this.clientCertificate = clientCertificate;
    this.#head = { ...request, headers: request.headers.clone() };
    this.#length = requestBodyLength;
    this.#acceptsTrailers = acceptsTrailers;
  }

  /** @param timeout for the whole of it: a mirror that never answers must not hold a connection for ever. */
  start(cluster: RuntimeCluster, timeout: TimeoutQueue): void {
    this.#pool = cluster.select();
    if (this.#pool === undefined) {
      this.#isOver = true;
      return;
    }
    timeout.arm(this);
    this.#pool.acquire(this);
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.abort();
    } else if (this.#stream === undefined) {
      this.#waiting.push(chunk);
    } else if (this.#stream.writeRequest(chunk)) {
      this.#waitingBytes = 0;
    }
  }

  flush(): void {
    this.#stream?.flushRequest();
  }

  /** Also where the mirror was given up: what it sent may still be on its way. */
  get holdsRequestChunks(): boolean {
    return this.#waiting.length > 0 || this.#stream?.holdsRequestChunks === true;
  }

  end(trailers: HeaderList | undefined): void {
    this.#end = { trailers };
    this.#stream?.endRequest(trailers);
  }

  /** The request it copies was given up. */
  abort(): void {
    if (this.#isOver) return;
    this.#finish();
    if (this.#stream === undefined) this.#pool?.cancel(this);
    else this.#stream.destroy();
  }

  readonly holdsChunks = false;

  onStream(stream: UpstreamStream): void {
    this.#stream = stream;
    stream.send(this.#head, this.#length, { expectsContinue: false, acceptsTrailers: this.#acceptsTrailers }, this);
    for (const chunk of this.#waiting.splice(0)) stream.writeRequest(chunk);
    if (this.#end !== undefined) stream.endRequest(this.#end.trailers);
  }

  onExpired(): void {
    this.abort();
  }

  onPoolError(): void {
    this.#finish();
  }

  onUpstreamDrain(): void {
    this.#waitingBytes = 0;
  }

  onResponseEnd(): void {
    this.#finish();
  }

  onUpstreamError(): void {
    this.#finish();
  }

  onInformational(): void {}
  onResponse(): void {}
  onResponseData(): void {}
  onResponseFlush(): void {}

  #finish(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.disarm();
  }
}
