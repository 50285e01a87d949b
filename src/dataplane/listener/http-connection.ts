// A client's HTTP connection from its first request to its close: it ties a codec to the listener it came in on, and each exchange to
// the snapshot of that moment.
import type { ProtocolErrorCode } from '../../observability/metric-names.ts';
import type { AddressCells } from '../../observability/traffic-cells.ts';
import type { Exchange } from '../exchange.ts';
import { translateGrpcWeb } from '../forward/grpc-web.ts';
import { HttpRequest } from '../forward/http-request.ts';
import type { RequestServices, TlsInfo } from '../forward/request-services.ts';
import { ProxyError } from '../proxy-error.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';
import type { ExchangeTaker } from '../codec/http1/server-settings.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../runtime/snapshot.ts';
import type { DownstreamConnection } from './downstream-connection.ts';

/** What a connection needs of the socket it was accepted on; both change with the configuration. */
export interface ConnectionHome {
  readonly current: { readonly snapshot: RuntimeSnapshot; readonly listener: RuntimeListener };
  readonly cells: AddressCells;
  readonly services: RequestServices;
  onClosed(connection: DownstreamConnection): void;
  /** A defect: reported, and the connection is cut. */
  onDefect(error: unknown): void;
}

export class HttpConnection implements DownstreamConnection, ExchangeTaker {
  readonly #home: ConnectionHome;
  readonly #tls: TlsInfo | undefined;
  readonly #codec: DownstreamConnection;

  /** @param open starts the codec, which gives its exchanges to the taker. */
  constructor(home: ConnectionHome, tls: TlsInfo | undefined, open: (taker: ExchangeTaker) => DownstreamConnection) {
    this.#home = home;
    this.#tls = tls;
    this.#codec = open(this);
  }

  get idleSinceMs(): number | undefined {
    return this.#codec.idleSinceMs;
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
    const translated = listener.servesGrpcWeb ? translateGrpcWeb(exchange, listener) : exchange;
    return new HttpRequest(this.#home.services, snapshot, listener, this.#tls, translated);
  }
}
