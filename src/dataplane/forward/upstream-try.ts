// One try to get an answer from one endpoint: a connection, the request on it, the answer back. It ends in exactly one of: the answer
// is complete, it failed, it was given up.
import { Deadline } from '../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { EndpointPool } from '../cluster/endpoint-pool.ts';
import type { PoolWaiter } from '../cluster/pool/pool.ts';
import type { BodyLength, Exchange, ResponseHead } from '../exchange.ts';
import type { HeaderList } from '../header-list.ts';
import { ProxyError } from '../proxy-error.ts';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import type { RequestBody } from './request-body.ts';
import type { UpstreamHandler, UpstreamStream } from '../upstream-stream.ts';

/** Whoever wants the answer. */
export interface TryOwner {
  /** Whether what `onTryData` got is still looked at. */
  readonly holdsChunks: boolean;
  readonly clientCertificate: RuntimeCertificate | undefined;
  onTryInformational(status: number, headers: HeaderList): void;
  onTryResponse(head: ResponseHead, length: BodyLength | undefined): void;
  onTryData(chunk: Uint8Array): void;
  onTryFlush(): void;
  onTryEnd(trailers: HeaderList | undefined): void;
  onTryError(error: ProxyError): void;
  onTryDrain(): void;
}

export class UpstreamTry extends Deadline implements PoolWaiter, UpstreamHandler {
  readonly pool: EndpointPool;
  readonly #exchange: Exchange;
  readonly #body: RequestBody;
  readonly #owner: TryOwner;
  #stream: UpstreamStream | undefined = undefined;
  #isTunnel = false;
  #isOver = false;

  constructor(pool: EndpointPool, exchange: Exchange, body: RequestBody, owner: TryOwner) {
    super();
    this.pool = pool;
    this.#exchange = exchange;
    this.#body = body;
    this.#owner = owner;
  }

  get upgrade(): string | undefined {
    return this.#exchange.upgrade;
  }

  get clientCertificate(): RuntimeCertificate | undefined {
    return this.#owner.clientCertificate;
  }

  get holdsChunks(): boolean {
    return this.#owner.holdsChunks;
  }

  start(timeout: TimeoutQueue | undefined, needsFresh: boolean): void {
    timeout?.arm(this);
    this.pool.acquire(this, needsFresh);
  }

  /** Both directions of a tunnel have ended. */
  release(): void {
    this.#finish();
  }

  /** The owner wants no answer any more. */
  abort(): void {
    if (this.#isOver) return;
    this.#finish();
    if (this.#stream === undefined) this.pool.cancel(this);
    else this.#stream.destroy();
  }

  pause(): void {
    this.#stream?.pauseResponse();
  }

  resume(): void {
    this.#stream?.resumeResponse();
  }

  onStream(stream: UpstreamStream): void {
    this.#stream = stream;
    const { request, requestBodyLength, upgrade, expectsContinue, acceptsTrailers } = this.#exchange;
    stream.send(request, requestBodyLength, { upgrade, expectsContinue, acceptsTrailers }, this);
    this.#body.attach(stream);
    if (requestBodyLength !== 0) this.#exchange.resumeRequest();
  }

  onPoolError(error: ProxyError): void {
    this.#fail(error);
  }

  onInformational(status: number, headers: HeaderList): void {
    this.#owner.onTryInformational(status, headers);
  }

  onResponse(head: ResponseHead, length: BodyLength | undefined): void {
    this.#isTunnel = head.status === 101;
    if (this.#isTunnel) this.disarm();
    this.#owner.onTryResponse(head, length);
  }

  onResponseData(chunk: Uint8Array): void {
    this.#owner.onTryData(chunk);
  }

  onResponseFlush(): void {
    this.#owner.onTryFlush();
  }

  onResponseEnd(trailers: HeaderList | undefined): void {
    // The other direction of a tunnel may still be open.
    if (!this.#isTunnel) this.#finish();
    this.#owner.onTryEnd(trailers);
  }

  onUpstreamError(error: ProxyError): void {
    this.#fail(error);
  }

  onUpstreamDrain(): void {
    this.#owner.onTryDrain();
  }

  /** The timeout of one try. */
  onExpired(): void {
    this.abort();
    this.#owner.onTryError(new ProxyError('upstream_timeout', 'upstream', 'the backend request timeout expired'));
  }

  #fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#owner.onTryError(error);
  }

  #finish(): void {
    this.#isOver = true;
    this.disarm();
    this.#body.detach();
  }
}
