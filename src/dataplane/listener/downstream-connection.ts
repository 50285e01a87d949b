// A client's connection from accept to close: it ties a codec to the listener it came in on, and each exchange to the snapshot of
// that moment.
import type { Socket } from 'node:net';
import type { ProtocolErrorCode } from '../../observability/metric-names.ts';
import type { AddressCells } from '../../observability/traffic-cells.ts';
import type { DownstreamInfo, Exchange } from '../exchange.ts';
import { HttpRequest } from '../forward/http-request.ts';
import type { RequestServices, TlsInfo } from '../forward/request-services.ts';
import { ProxyError } from '../proxy-error.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';
import { Http1ServerConnection } from '../codec/http1/server-connection.ts';
import type { ExchangeTaker, Http1ServerSettings } from '../codec/http1/server-settings.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../runtime/snapshot.ts';

/** What a connection needs of the socket it was accepted on; both change with the configuration. */
export interface ConnectionHome {
  readonly current: { readonly snapshot: RuntimeSnapshot; readonly listener: RuntimeListener };
  readonly cells: AddressCells;
  readonly services: RequestServices;
  onClosed(connection: DownstreamConnection): void;
  /** A defect: reported, and the connection is cut. */
  onDefect(error: unknown): void;
}

export class DownstreamConnection implements ExchangeTaker {
  readonly #home: ConnectionHome;
  readonly #codec: Http1ServerConnection;
  readonly #tls: TlsInfo | undefined;

  constructor(
    socket: Socket,
    downstream: DownstreamInfo,
    tls: TlsInfo | undefined,
    settings: Http1ServerSettings,
    home: ConnectionHome,
  ) {
    this.#home = home;
    this.#tls = tls;
    this.#codec = new Http1ServerConnection(socket, tls === undefined ? 'http' : 'https', downstream, settings, this);
  }

  get isIdle(): boolean {
    return this.#codec.isIdle;
  }

  drain(): void {
    this.#codec.drain();
  }

  destroy(): void {
    this.#codec.destroy();
  }

  onExchange(exchange: Exchange): void {
    const request = this.#request(exchange);
    try {
      request.run();
    } catch (error) {
      this.#home.onDefect(error);
      request.fail(new ProxyError('internal', 'internal', 'a stage threw'));
    }
  }

  onInvalidRequest(exchange: Exchange, error: ProxyError): void {
    this.#request(exchange).fail(error);
  }

  onProtocolError(code: ProxyErrorCode): void {
    this.#home.cells.protocolErrors.inc(code as ProtocolErrorCode);
  }

  onDefect(error: unknown): void {
    this.#home.onDefect(error);
  }

  onConnectionClosed(): void {
    this.#home.onClosed(this);
  }

  #request(exchange: Exchange): HttpRequest {
    const { snapshot, listener } = this.#home.current;
    return new HttpRequest(this.#home.services, snapshot, listener, this.#tls, exchange);
  }
}
