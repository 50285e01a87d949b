// One listening socket and the connections it accepted. The configuration behind it changes by assignment; the socket stays.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { Metrics, ProtocolErrorCode } from '../../observability/metric-names.ts';
import { bindAddressCells, releaseCells } from '../../observability/traffic-cells.ts';
import type { AddressCells } from '../../observability/traffic-cells.ts';
import { StreamEndpoints } from '../cluster/stream-endpoints.ts';
import { parseClientHello } from '../codec/client-hello.ts';
import { matchPreface } from '../codec/http2/preface.ts';
import { Http1ServerConnection } from '../codec/http1/server-connection.ts';
import { Http2Acceptor } from '../codec/http2/server-acceptor.ts';
import type { Http2ServerSettings } from '../codec/http2/server-settings.ts';
import type { DownstreamInfo } from '../exchange.ts';
import { TcpSession } from '../forward/tcp-session.ts';
import type { TcpClient, TcpSessionServices } from '../forward/tcp-session.ts';
import type { RequestServices, TlsInfo } from '../forward/request-services.ts';
import { selectStream } from '../runtime/runtime-stream-route.ts';
import type { RuntimeListener, RuntimeSnapshot, RuntimeVirtualHost } from '../runtime/snapshot.ts';
import type { TlsPolicy } from '../runtime/tls-policy.ts';
import { Arrival } from './arrival.ts';
import type { ArrivalJudge } from './arrival.ts';
import type { BoundListener } from './bound-listener.ts';
import type { DownstreamConnection } from './downstream-connection.ts';
import { HttpConnection } from './http-connection.ts';
import type { ConnectionHome } from './http-connection.ts';
import { hostOf, TlsTerminator } from './tls-terminator.ts';

export interface ListenerSocketOptions {
  readonly bindAddress: string;
  readonly bindPort: number;
  readonly settings: Http2ServerSettings;
  readonly services: RequestServices;
  readonly sessionTimeouts: TcpSessionServices['timeouts'];
  readonly onSessionDone: (session: TcpSession) => void;
  readonly metrics: Metrics;
  /** Open connections; beyond it idle ones are closed to make room, and without any the new one is refused. */
  readonly maxConnections: number;
  /** Whether there is too little left of something for new connections. */
  readonly refusesConnections: () => boolean;
  /** For the first bytes that tell what a connection carries. */
  readonly arrivalTimeout: TimeoutQueue;
  readonly handshakeTimeoutMs: number;
  readonly onDefect: (error: unknown) => void;
  /** Makes the server listen, on a socket that somebody else holds. Absent: it binds its address by itself. */
  readonly open?: (server: Server) => Promise<void>;
}

/** How many connections are looked at to find an idle one. */
const MAX_IDLE_SEARCH = 128;
const BACKLOG = 4_096;

export class ListenerSocket implements BoundListener, ConnectionHome, ArrivalJudge {
  current: { readonly snapshot: RuntimeSnapshot; readonly listener: RuntimeListener };
  readonly cells: AddressCells;
  readonly services: RequestServices;
  readonly #options: ListenerSocketOptions;
  readonly #server: Server;
  readonly #terminator: TlsTerminator;
  readonly #acceptor: Http2Acceptor;
  readonly #sessionServices: TcpSessionServices;
  /** Oldest first. */
  readonly #connections = new Set<DownstreamConnection>();
  #onEmpty: (() => void) | undefined = undefined;
  #hasReleasedCells = false;

  constructor(snapshot: RuntimeSnapshot, listener: RuntimeListener, options: ListenerSocketOptions) {
    this.current = { snapshot, listener };
    this.services = options.services;
    this.#options = options;
    const { bindAddress, bindPort } = options;
    this.cells = bindAddressCells(
      options.metrics,
      bindAddress.includes(':') ? `[${bindAddress}]:${bindPort}` : `${bindAddress}:${bindPort}`,
    );
    // Half-open, because the codec decides what a client's FIN means.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: false }, (socket) =>
      this.#onAccept(socket),
    );
    this.#sessionServices = {
      timeouts: options.sessionTimeouts,
      onSessionDone: (session) => this.#onSessionDone(session),
      onDefect: options.onDefect,
    };
    this.#acceptor = new Http2Acceptor(listener.config.protocol === 'TLS' ? 'https' : 'http', options.settings);
    this.#terminator = new TlsTerminator({
      handshakeTimeoutMs: options.handshakeTimeoutMs,
      virtualHost: (serverName) => this.#virtualHost(serverName),
      onSecure: (socket, _raw, policy) => this.#onSecure(socket, policy),
      onHandshakeFailed: () => this.cells.protocolErrors.inc('tls_handshake_failed'),
      onSettled: () => this.#checkEmpty(),
    });
    this.#terminator.update(listener);
  }

  /** @throws Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
  async listen(): Promise<void> {
    const { open } = this.#options;
    await (open === undefined ? this.#bindAddress() : open(this.#server));
    // An accept that fails (out of file descriptors) concerns one connection.
    this.#server.on('error', this.#options.onDefect);
  }

  async #bindAddress(): Promise<void> {
    const { bindAddress, bindPort } = this.#options;
    try {
      await this.#bind(bindAddress, bindPort);
    } catch (error) {
      // "All addresses" on a kernel without IPv6.
      const hasNoIpv6 = bindAddress === '::' && (error as NodeJS.ErrnoException).code === 'EAFNOSUPPORT';
      if (!hasNoIpv6) throw error;
      await this.#bind('0.0.0.0', bindPort);
    }
  }

  async #bind(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port, backlog: BACKLOG }, resolve);
    try {
      await promise;
    } finally {
      this.#server.off('error', reject);
    }
  }

  /** The port that was bound, also where the kernel chose it. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  get connectionCount(): number {
    return this.#connections.size + this.#terminator.size;
  }

  closeIdle(): void {
    for (const connection of this.#connections) if (connection.isIdle) connection.drain();
  }

  swap(snapshot: RuntimeSnapshot, listener: RuntimeListener): void {
    this.current = { snapshot, listener };
    this.#terminator.update(listener);
  }

  /** Connections go on as they are. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** No new connections; those that are idle close, others after their answer. Ends when all are closed. */
  async drain(): Promise<void> {
    this.#server.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    for (const connection of this.#connections) connection.drain();
    this.#checkEmpty();
    await promise;
    this.#releaseCells();
  }

  destroy(): void {
    this.#server.close();
    this.#terminator.destroy();
    for (const connection of this.#connections) connection.destroy();
    this.#releaseCells();
  }

  onClosed(connection: DownstreamConnection): void {
    this.#connections.delete(connection);
    this.cells.activeConnections.dec();
    this.#checkEmpty();
  }

  onDefect(error: unknown): void {
    this.#options.onDefect(error);
  }

  #onAccept(socket: Socket): void {
    this.cells.connections.inc();
    const isFull = this.connectionCount >= this.#options.maxConnections && !this.#makeRoom();
    if (isFull || this.#options.refusesConnections()) {
      this.cells.connectionOverflows.inc();
      socket.destroy();
      return;
    }
    if (this.current.listener.config.protocol === 'TCP') this.#serveStream(socket, this.#virtualHost(undefined));
    else this.#connections.add(new Arrival(socket, this.#options.arrivalTimeout, this));
  }

  // — what arrives —

  judge(arrival: Arrival, bytes: Buffer): void {
    if (this.current.listener.config.protocol === 'HTTP') {
      const match = matchPreface(bytes);
      if (match !== 'start') this.#serveHttp(arrival.release(), undefined, match === 'preface');
      return;
    }
    const hello = parseClientHello(bytes);
    if (hello.kind === 'malformed') this.#refuse(arrival, 'client_hello_malformed');
    else if (hello.kind === 'clientHello') this.#welcome(arrival, hello.serverName);
  }

  /** A TLS client said whom it wants. */
  #welcome(arrival: Arrival, serverName: string | undefined): void {
    const host = this.#virtualHost(serverName);
    if (host?.tlsPolicy !== undefined) this.#terminator.terminate(arrival.release(), host.tlsPolicy);
    else if (host?.traffic === 'passthrough') this.#serveStream(arrival.release(), host, { serverName });
    else this.#refuse(arrival, 'server_name_unknown');
  }

  #refuse(arrival: Arrival, code: ProtocolErrorCode): void {
    this.cells.protocolErrors.inc(code);
    arrival.socket.resetAndDestroy();
  }

  onArrivalTimeout(arrival: Arrival, bytes: Buffer | undefined): void {
    // The start of a preface is the start of a request line, too: HTTP/1.1 knows what to answer.
    if (bytes !== undefined && this.current.listener.config.protocol === 'HTTP')
      this.#serveHttp(arrival.release(), undefined, false);
    else arrival.destroy();
  }

  onArrivalOver(arrival: Arrival): void {
    this.#connections.delete(arrival);
    this.#checkEmpty();
  }

  #onSecure(socket: TLSSocket, policy: TlsPolicy): void {
    const name = socket.servername as string | false | undefined;
    const serverName = typeof name === 'string' && name !== '' ? hostOf(name) : undefined;
    const tls = { serverName, version: socket.getProtocol() ?? '', policy: policy.key };
    if (policy.traffic === 'stream') {
      const host = this.#virtualHost(serverName);
      // Another one only where the configuration changed during the handshake.
      this.#serveStream(socket, host?.tlsPolicy?.key === policy.key ? host : undefined, tls);
      return;
    }
    this.#serveHttp(socket, tls, socket.alpnProtocol === 'h2');
  }

  #serveHttp(socket: Socket, tls: TlsInfo | undefined, isHttp2: boolean): void {
    const downstream = describe(socket);
    if (downstream === undefined) {
      socket.destroy();
      return;
    }
    const scheme = tls === undefined ? 'http' : 'https';
    const { settings } = this.#options;
    this.cells.activeConnections.inc();
    this.#connections.add(
      new HttpConnection(this, tls, (taker) =>
        isHttp2
          ? this.#acceptor.serve(socket, downstream, taker)
          : new Http1ServerConnection(socket, scheme, downstream, settings, taker),
      ),
    );
    if (!isHttp2) socket.resume();
  }

  /** @param tls what a ClientHello, or the handshake, said. */
  #serveStream(
    socket: Socket,
    host: RuntimeVirtualHost | undefined,
    tls?: Pick<TlsInfo, 'serverName'> & Partial<TlsInfo>,
  ): void {
    const downstream = describe(socket);
    if (host?.stream === undefined || downstream === undefined) {
      socket.destroy();
      return;
    }
    const { clusters } = this.current.snapshot;
    const { traffic, backendClientCertificate: clientCertificate } = host;
    const target = selectStream(host.stream, tls?.serverName, (key) => {
      const cluster = clusters.get(key);
      // What passes through is encrypted already.
      return cluster && new StreamEndpoints(cluster, traffic === 'passthrough' ? undefined : { clientCertificate });
    });
    const client: TcpClient = {
      socket,
      protocol: tls === undefined ? 'TCP' : 'TLS',
      remoteAddress: downstream.remoteAddress,
      serverName: tls?.serverName,
      tlsVersion: tls?.version,
    };
    const session = new TcpSession(client, target, this.#sessionServices);
    this.cells.activeConnections.inc();
    this.#connections.add(session);
    session.start();
  }

  #onSessionDone(session: TcpSession): void {
    this.onClosed(session);
    this.#options.onSessionDone(session);
  }

  #virtualHost(serverName: string | undefined): RuntimeVirtualHost | undefined {
    const { virtualHosts } = this.current.listener;
    return serverName === undefined ? virtualHosts.any : virtualHosts.find(serverName)?.value;
  }

  /** Closes the oldest idle connection. */
  #makeRoom(): boolean {
    let looked = 0;
    for (const connection of this.#connections) {
      if (connection.isIdle) {
        connection.destroy();
        return true;
      }
      if (++looked >= MAX_IDLE_SEARCH) return false;
    }
    return false;
  }

  #releaseCells(): void {
    if (this.#hasReleasedCells) return;
    this.#hasReleasedCells = true;
    releaseCells(this.cells);
  }

  #checkEmpty(): void {
    if (this.#connections.size === 0 && this.#terminator.size === 0) this.#onEmpty?.();
  }
}

/** Undefined where the client was gone before it was accepted. */
function describe({ remoteAddress, remotePort, localAddress, localPort }: Socket): DownstreamInfo | undefined {
  if (remoteAddress === undefined || localAddress === undefined) return undefined;
  return {
    remoteAddress: unmapped(remoteAddress),
    remotePort: remotePort ?? 0,
    localAddress: unmapped(localAddress),
    localPort: localPort ?? 0,
  };
}

/** IPv4 clients of a dual-stack socket. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
