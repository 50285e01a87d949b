// One listening socket and the connections it accepted. The configuration behind it changes by assignment; the socket stays.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { SecureContext, Server as TlsServer, TLSSocket } from 'node:tls';
import type { Certificate } from '../../ir/certificate.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import { bindAddressCells, releaseCells } from '../../observability/traffic-cells.ts';
import type { AddressCells } from '../../observability/traffic-cells.ts';
import type { Http1ServerSettings } from '../codec/http1/server-settings.ts';
import type { DownstreamInfo } from '../exchange.ts';
import type { RequestServices, TlsInfo } from '../forward/request-services.ts';
import { chooseCertificate } from '../runtime/certificate-context.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../runtime/snapshot.ts';
import { DownstreamConnection } from './downstream-connection.ts';
import type { ConnectionHome } from './downstream-connection.ts';
import { TLS_CONTEXT_OPTIONS } from './tls-policy.ts';

export interface ListenerSocketOptions {
  readonly bindAddress: string;
  readonly bindPort: number;
  readonly settings: Http1ServerSettings;
  readonly services: RequestServices;
  readonly metrics: Metrics;
  /** Open connections; beyond it idle ones are closed to make room, and without any the new one is refused. */
  readonly maxConnections: number;
  readonly handshakeTimeoutMs: number;
  readonly onDefect: (error: unknown) => void;
}

/** How many connections are looked at to find an idle one. */
const MAX_IDLE_SEARCH = 128;
const BACKLOG = 4_096;

export class ListenerSocket implements ConnectionHome {
  current: { readonly snapshot: RuntimeSnapshot; readonly listener: RuntimeListener };
  readonly cells: AddressCells;
  readonly services: RequestServices;
  readonly #options: ListenerSocketOptions;
  readonly #server: Server;
  readonly #tlsServer: TlsServer;
  /** Oldest first. */
  readonly #connections = new Set<DownstreamConnection>();
  /** In the TLS handshake, by `peerOf`: the socket that comes out of it is another object than the one that went in. */
  readonly #handshakes = new Map<string, Socket>();
  #defaultCertificate: Certificate | undefined = undefined;
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
    this.#tlsServer = this.#createTlsServer();
    this.#setDefaultCertificate();
  }

  /** @throws Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
  async listen(): Promise<void> {
    const { bindAddress, bindPort } = this.#options;
    try {
      await this.#bind(bindAddress, bindPort);
    } catch (error) {
      // "All addresses" on a kernel without IPv6.
      const hasNoIpv6 = bindAddress === '::' && (error as NodeJS.ErrnoException).code === 'EAFNOSUPPORT';
      if (!hasNoIpv6) throw error;
      await this.#bind('0.0.0.0', bindPort);
    }
    // An accept that fails (out of file descriptors) concerns one connection.
    this.#server.on('error', this.#options.onDefect);
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

  swap(snapshot: RuntimeSnapshot, listener: RuntimeListener): void {
    this.current = { snapshot, listener };
    this.#setDefaultCertificate();
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
    for (const socket of this.#handshakes.values()) socket.destroy();
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
    if (this.#connections.size + this.#handshakes.size >= this.#options.maxConnections && !this.#makeRoom()) {
      this.cells.connectionOverflows.inc();
      socket.destroy();
      return;
    }
    if (this.current.listener.config.protocol === 'TLS') {
      const peer = peerOf(socket);
      this.#handshakes.set(peer, socket);
      socket.once('close', () => {
        if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
        this.#checkEmpty();
      });
      this.#tlsServer.emit('connection', socket);
    } else {
      this.#serve(socket, undefined);
    }
  }

  #serve(socket: Socket, tls: TlsInfo | undefined): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remoteAddress === undefined || localAddress === undefined) {
      // The client was gone before it was accepted.
      socket.destroy();
      return;
    }
    const downstream: DownstreamInfo = {
      remoteAddress: unmapped(remoteAddress),
      remotePort: remotePort ?? 0,
      localAddress: unmapped(localAddress),
      localPort: localPort ?? 0,
    };
    this.cells.activeConnections.inc();
    this.#connections.add(new DownstreamConnection(socket, downstream, tls, this.#options.settings, this));
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

  /** Never listens: accepted sockets are handed to it, so that one port can look at them first. */
  #createTlsServer(): TlsServer {
    const server = createTlsServer({
      ...TLS_CONTEXT_OPTIONS,
      allowHalfOpen: true,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: this.#options.handshakeTimeoutMs,
      SNICallback: (serverName, done) => {
        const context = this.#secureContext(serverName);
        if (context === undefined) done(new Error('no listener for this server name'));
        else done(null, context);
      },
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#handshakes.delete(peerOf(socket));
      const name = socket.servername as string | false | undefined;
      const serverName = typeof name === 'string' && name !== '' ? hostOf(name) : undefined;
      this.#serve(socket, { serverName, version: socket.getProtocol() ?? '' });
    });
    server.on('tlsClientError', (_error, socket) => {
      this.cells.protocolErrors.inc('tls_handshake_failed');
      socket.destroy();
    });
    return server;
  }

  #secureContext(serverName: string): SecureContext | undefined {
    const host = hostOf(serverName);
    const virtualHost = this.current.listener.virtualHosts.find(host)?.value;
    return virtualHost === undefined ? undefined : chooseCertificate(virtualHost.certificates, host)?.context;
  }

  /** For clients that name no server: the listener without a hostname, if there is one; others fail the handshake. */
  #setDefaultCertificate(): void {
    const { listener } = this.current;
    if (listener.config.protocol !== 'TLS') return;
    const certificate = listener.all.find(({ hostname }) => hostname === '*')?.certificates[0]?.config;
    // A new context knows nothing of the sessions of the old one.
    if (certificate === this.#defaultCertificate) return;
    this.#defaultCertificate = certificate;
    this.#tlsServer.setSecureContext({
      ...TLS_CONTEXT_OPTIONS,
      ...(certificate === undefined ? {} : { cert: certificate.chainPem, key: certificate.privateKeyPem.reveal() }),
    });
  }

  #releaseCells(): void {
    if (this.#hasReleasedCells) return;
    this.#hasReleasedCells = true;
    releaseCells(this.cells);
  }

  #checkEmpty(): void {
    if (this.#connections.size === 0 && this.#handshakes.size === 0) this.#onEmpty?.();
  }
}

/** IPv4 clients of a dual-stack socket. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** Tells the connections of one listening socket apart. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

function hostOf(serverName: string): string {
  const lower = serverName.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
