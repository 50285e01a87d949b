// One listening socket and the connections it accepted. The configuration behind it changes by assignment; the socket stays.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Metrics, ProtocolErrorCode } from '../../observability/metric-names.ts';
import { bindAddressCells, releaseCells } from '../../observability/traffic-cells.ts';
import type { AddressCells } from '../../observability/traffic-cells.ts';
import type { RuntimeCluster } from '../cluster/runtime-cluster.ts';
import { StreamEndpoints } from '../cluster/stream-endpoints.ts';
import { parseClientHello } from '../codec/client-hello.ts';
import { matchPreface } from '../codec/http2/preface.ts';
import { Http2ServerConnection } from '../codec/http2/server-connection.ts';
import { Http1ServerConnection } from '../codec/http1/server-connection.ts';
import { parseProxyHeader, proxyHeader } from '../codec/proxy-protocol.ts';
import type { DownstreamInfo } from '../exchange.ts';
import { TcpSession } from '../forward/tcp-session.ts';
import type { TcpClient, TcpSessionServices } from '../forward/tcp-session.ts';
import type { RequestServices, TlsInfo } from '../forward/request-services.ts';
import { chooseCertificate } from '../runtime/certificate-context.ts';
import { selectStream } from '../runtime/runtime-stream-route.ts';
import type { RuntimeListener, RuntimeSnapshot, RuntimeVirtualHost } from '../runtime/snapshot.ts';
import { servesConnectionOf } from '../runtime/tls-policy.ts';
import { Arrival } from './arrival.ts';
import type { ArrivalJudge, ConnectionOrigin } from './arrival.ts';
import type { BoundListener } from './bound-listener.ts';
import type { DownstreamConnection } from './downstream-connection.ts';
import { HttpConnection } from './http-connection.ts';
import type { ConnectionHome } from './http-connection.ts';
import { reopen } from './reopened-socket.ts';
import type { ClientSocket } from './reopened-socket.ts';
import { createSocketSettings, isProxySource } from './socket-settings.ts';
import type { SettingsDefaults, SocketSettings } from './socket-settings.ts';
import { TlsTerminator } from './tls-terminator.ts';
import type { Handshake } from './tls-terminator.ts';

export interface ListenerSocketOptions {
  readonly bindAddress: string;
  readonly bindPort: number;
  readonly defaults: SettingsDefaults;
  readonly services: RequestServices;
  readonly sessionTimeouts: TcpSessionServices['timeouts'];
  readonly onSessionDone: (session: TcpSession) => void;
  readonly metrics: Metrics;
  /** Whether there is too little left of something for new connections. */
  readonly refusesConnections: () => boolean;
  readonly onDefect: (error: unknown) => void;
  /** Makes the server listen, on a socket that somebody else holds. Absent: it binds its address by itself. */
  readonly open?: (server: Server) => Promise<void>;
}

/** For so long a connection is idle at least before it is closed for lack of something. */
const MIN_IDLE_MS = 1_000;
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
  readonly #sessionServices: TcpSessionServices;
  /** Oldest first. */
  readonly #connections = new Set<DownstreamConnection>();
  /** For connections that are accepted from now on. */
  #settings: SocketSettings;
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
    this.#settings = createSocketSettings(listener.config, options.defaults);
    this.#terminator = new TlsTerminator({
      onSecure: (socket, handshake) => this.#onSecure(socket, handshake),
      onHandshakeFailed: () => this.cells.protocolErrors.inc('tls_handshake_failed'),
      onSettled: () => this.#checkEmpty(),
    });
    this.#terminator.update(listener, this.#settings.handshakeTimeoutMs);
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
    // Whoever was served a moment ago is likely to ask again, and may find no way back.
    const latestMs = performance.now() - MIN_IDLE_MS;
    for (const connection of this.#connections)
      if ((connection.idleSinceMs ?? Infinity) <= latestMs) connection.drain();
  }

  swap(snapshot: RuntimeSnapshot, listener: RuntimeListener): void {
    const { protocol, settings } = this.current.listener.config;
    if (protocol !== listener.config.protocol || !isDeepStrictEqual(settings, listener.config.settings))
      this.#settings = createSocketSettings(listener.config, this.#options.defaults);
    this.current = { snapshot, listener };
    this.#terminator.update(listener, this.#settings.handshakeTimeoutMs);
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
    const settings = this.#settings;
    const isFull = this.connectionCount >= settings.maxConnections && !this.#makeRoom();
    if (isFull || this.#options.refusesConnections()) {
      this.cells.connectionOverflows.inc();
      socket.destroy();
      return;
    }
    const downstream = describe(socket);
    if (downstream === undefined) {
      socket.destroy();
      return;
    }
    const origin = { downstream, settings };
    const awaitsProxyHeader = isProxySource(settings, downstream.remoteAddress);
    if (this.current.listener.config.protocol === 'TCP' && !awaitsProxyHeader)
      this.#serveStream(reopen(socket), origin, this.#virtualHost(undefined));
    else this.#connections.add(new Arrival(socket, origin, awaitsProxyHeader, this));
  }

  // — what arrives —

  judge(arrival: Arrival, bytes: Buffer): void {
    if (arrival.awaitsProxyHeader) {
      this.#readProxyHeader(arrival, bytes);
      return;
    }
    if (this.current.listener.config.protocol === 'HTTP') {
      const match = matchPreface(bytes);
      if (match === 'preface') this.#serveHttp({ socket: arrival.release() }, arrival.origin, undefined, true);
      else if (match !== 'start') this.#serveHttp(arrival.reopen(), arrival.origin, undefined, false);
      return;
    }
    const hello = parseClientHello(bytes);
    if (hello.kind === 'malformed') this.#refuse(arrival, 'client_hello_malformed');
    else if (hello.kind === 'clientHello') this.#welcome(arrival, hello.serverName);
  }

  /** Where it says nothing of the client, the connection is the proxy's own. */
  #readProxyHeader(arrival: Arrival, bytes: Buffer): void {
    const header = parseProxyHeader(bytes);
    if (header.kind === 'malformed') this.#refuse(arrival, 'proxy_header_malformed');
    if (header.kind !== 'header') return;
    const { source, destination } = header;
    const told =
      source === undefined || destination === undefined
        ? arrival.origin.downstream
        : {
            remoteAddress: source.address,
            remotePort: source.port,
            localAddress: destination.address,
            localPort: destination.port,
          };
    const rest = arrival.takeProxyHeader(header.length, told);
    if (this.current.listener.config.protocol === 'TCP')
      this.#serveStream(arrival.reopen(), arrival.origin, this.#virtualHost(undefined));
    else if (rest !== undefined) this.judge(arrival, rest);
  }

  /** A TLS client said whom it wants. */
  #welcome(arrival: Arrival, serverName: string | undefined): void {
    const host = this.#virtualHost(serverName);
    const policy = host?.tlsPolicy;
    const certificate = host && chooseCertificate(host.certificates, serverName);
    if (policy !== undefined && certificate !== undefined)
      this.#terminator.terminate(arrival.release(), certificate, { origin: arrival.origin, policy, serverName });
    else if (host?.traffic === 'passthrough') this.#serveStream(arrival.reopen(), arrival.origin, host, { serverName });
    else this.#refuse(arrival, 'server_name_unknown');
  }

  #refuse(arrival: Arrival, code: ProtocolErrorCode): void {
    this.cells.protocolErrors.inc(code);
    arrival.socket.resetAndDestroy();
  }

  onArrivalTimeout(arrival: Arrival, bytes: Buffer | undefined): void {
    if (bytes === undefined) arrival.destroy();
    else if (arrival.awaitsProxyHeader) this.#refuse(arrival, 'proxy_header_malformed');
    // The start of a preface is the start of a request line, too: HTTP/1.1 knows what to answer.
    else if (this.current.listener.config.protocol === 'HTTP')
      this.#serveHttp(arrival.reopen(), arrival.origin, undefined, false);
    else arrival.destroy();
  }

  onArrivalOver(arrival: Arrival): void {
    this.#connections.delete(arrival);
    this.#checkEmpty();
  }

  #onSecure(socket: TLSSocket, { origin, policy, serverName }: Handshake): void {
    const tls = { serverName, version: socket.getProtocol() ?? '', policy };
    if (policy.traffic === 'stream') {
      const host = this.#virtualHost(serverName);
      // Another one only where the configuration changed during the handshake.
      this.#serveStream({ socket }, origin, servesConnectionOf(host?.tlsPolicy, policy, true) ? host : undefined, tls);
      return;
    }
    this.#serveHttp({ socket }, origin, tls, socket.alpnProtocol === 'h2');
  }

  #serveHttp(client: ClientSocket, origin: ConnectionOrigin, tls: TlsInfo | undefined, isHttp2: boolean): void {
    const { socket, reader, early } = client;
    const { downstream, settings } = origin;
    const scheme = tls === undefined ? 'http' : 'https';
    this.cells.activeConnections.inc();
    this.#connections.add(
      new HttpConnection(this, tls, (taker) =>
        isHttp2
          ? new Http2ServerConnection(socket, scheme, downstream, settings.http, taker)
          : new Http1ServerConnection(socket, scheme, downstream, settings.http, taker, reader),
      ),
    );
    reader?.begin(early);
    // What came early may have been enough for now.
    if (reader === undefined || !socket.isPaused()) socket.resume();
  }

  /** @param tls what a ClientHello, or the handshake, said. */
  #serveStream(
    { socket, reader, early }: ClientSocket,
    { downstream }: ConnectionOrigin,
    host: RuntimeVirtualHost | undefined,
    tls?: Pick<TlsInfo, 'serverName'> & Partial<TlsInfo>,
  ): void {
    if (host?.stream === undefined) {
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
      reader,
      protocol: tls === undefined ? 'TCP' : 'TLS',
      remoteAddress: downstream.remoteAddress,
      serverName: tls?.serverName,
      tlsVersion: tls?.version,
      preamble: preambleFor(target.cluster === undefined ? undefined : clusters.get(target.cluster), downstream),
    };
    const session = new TcpSession(client, target, this.#sessionServices);
    this.cells.activeConnections.inc();
    this.#connections.add(session);
    session.start();
    reader?.begin(early);
  }

  #onSessionDone(session: TcpSession): void {
    this.onClosed(session);
    this.#options.onSessionDone(session);
  }

  #virtualHost(serverName: string | undefined): RuntimeVirtualHost | undefined {
    const { virtualHosts } = this.current.listener;
    return serverName === undefined ? virtualHosts.any : virtualHosts.find(serverName)?.value;
  }

  /** Closes the oldest idle connection. Busy ones that it meets go to the end, so that they hide no idle ones from the next newcomer. */
  #makeRoom(): boolean {
    let looked = 0;
    for (const connection of this.#connections) {
      if (connection.isIdle) {
        connection.destroy();
        return true;
      }
      this.#connections.delete(connection);
      this.#connections.add(connection);
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

/** What an endpoint that wants to know whose connection it gets is told first. */
function preambleFor(cluster: RuntimeCluster | undefined, downstream: DownstreamInfo): Buffer | undefined {
  const version = cluster?.config.proxyProtocol;
  if (version === undefined) return undefined;
  const { remoteAddress, remotePort, localAddress, localPort } = downstream;
  return proxyHeader(version, { address: remoteAddress, port: remotePort }, { address: localAddress, port: localPort });
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
