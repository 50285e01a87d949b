// What a server-side connection is told about its listener: limits, timeouts, and who takes the exchanges.
import type { TimeoutQueue } from '../../../lib/timeout-queue.ts';
import type { Exchange } from '../../exchange.ts';
import type { ProxyError, ProxyErrorCode } from '../../proxy-error.ts';
import type { RequestLimits } from './request-head.ts';

export interface Http1ServerSettings {
  readonly limits: Http1Limits;
  readonly timeouts: Http1ServerTimeouts;
  /** Whether connections close after the answer they are giving. */
  isDraining(): boolean;
}

export interface Http1Limits extends RequestLimits {
  /** The whole head of a request. */
  readonly maxHeadBytes: number;
  /** Requests on one connection; 0: no limit. */
  readonly maxRequestsPerConnection: number;
}

export interface Http1ServerTimeouts {
  /** From the first byte that is awaited to the end of a request's head. */
  readonly head: TimeoutQueue;
  /** Without a byte of a request body that is still arriving. */
  readonly bodyIdle: TimeoutQueue;
  /** Between requests. */
  readonly keepAliveIdle: TimeoutQueue;
  /** Without the client taking a byte of what waits to be written. */
  readonly writeStall: TimeoutQueue;
  /** How long a connection that is being closed reads on, so that the client gets the answer and not a reset. */
  readonly linger: TimeoutQueue;
}

/** Who takes what a connection produces. */
export interface ExchangeTaker {
  onExchange(exchange: Exchange): void;
  /** The request can't be served: the exchange has no body to read, and answering it closes the connection. */
  onInvalidRequest(exchange: Exchange, error: ProxyError): void;
  /** A request, or the body of one, broke the protocol: for the count. Said beside what the exchange is told. */
  onProtocolError(code: ProxyErrorCode): void;
  /** Something threw where nothing may; the connection is being cut. */
  onDefect(error: unknown): void;
  onConnectionClosed(): void;
}
