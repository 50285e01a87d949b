// A copy of a request on its way to a mirror: sent as long as the mirror keeps up, its answer thrown away. It never delays or fails the
// request it copies.
import type { RuntimeCluster } from '../cluster/runtime-cluster.ts';
import type { EndpointPool, PoolWaiter } from '../cluster/endpoint-pool.ts';
import type { Http1ClientConnection, UpstreamHandler } from '../codec/http1/client-connection.ts';
import type { BodyLength, RequestHead } from '../exchange.ts';
import type { HeaderList } from '../header-list.ts';

/** Body bytes that wait for the mirror; one that is slower than this is given up. */
const MAX_WAITING_BYTES: number = 256 * 1024;

export class RequestMirror implements PoolWaiter, UpstreamHandler {
  readonly #head: RequestHead;
  readonly #length: BodyLength;
  #pool: EndpointPool | undefined = undefined;
  #connection: Http1ClientConnection | undefined = undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #end: { readonly trailers: HeaderList | undefined } | undefined = undefined;
  #isOver = false;

  constructor(head: RequestHead, length: BodyLength) {
    this.#head = head;
    this.#length = length;
  }

  start(cluster: RuntimeCluster): void {
    this.#pool = cluster.select();
    if (this.#pool === undefined) this.#isOver = true;
    else this.#pool.acquire(this);
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.abort();
    } else if (this.#connection === undefined) {
      this.#waiting.push(chunk);
    } else if (this.#connection.writeRequest(chunk)) {
      this.#waitingBytes = 0;
    }
  }

  flush(): void {
    this.#connection?.flushRequest();
  }

  end(trailers: HeaderList | undefined): void {
    this.#end = { trailers };
    this.#connection?.endRequest(trailers);
  }

  /** The request it copies was given up. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    if (this.#connection === undefined) this.#pool?.cancel(this);
    else this.#connection.destroy();
  }

  onConnection(connection: Http1ClientConnection): void {
    this.#connection = connection;
    connection.send(this.#head, this.#length, { expectsContinue: false, acceptsTrailers: false }, this);
    for (const chunk of this.#waiting.splice(0)) connection.writeRequest(chunk);
    if (this.#end !== undefined) connection.endRequest(this.#end.trailers);
  }

  onPoolError(): void {
    this.#isOver = true;
  }

  onUpstreamDrain(): void {
    this.#waitingBytes = 0;
  }

  onResponseEnd(): void {
    this.#isOver = true;
  }

  onUpstreamError(): void {
    this.#isOver = true;
  }

  onInformational(): void {}
  onResponse(): void {}
  onResponseData(): void {}
  onResponseFlush(): void {}
}
