// TLS on one listening socket. Whether clients are asked for certificates and which protocols are negotiated belongs to a tls.Server,
// not to a SecureContext: so there is one server, which never listens, for each policy among the virtual hosts.
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import { chooseCertificate } from '../runtime/certificate-context.ts';
import type { RuntimeListener, RuntimeVirtualHost } from '../runtime/snapshot.ts';
import type { TlsPolicy } from '../runtime/tls-policy.ts';
import type { ConnectionOrigin } from './arrival.ts';

export interface TlsTerminatorOptions {
  /** The virtual host for a server name, at this moment; undefined for clients that name none. */
  readonly virtualHost: (serverName: string | undefined) => RuntimeVirtualHost | undefined;
  readonly onSecure: (socket: TLSSocket, origin: ConnectionOrigin, policy: TlsPolicy) => void;
  readonly onHandshakeFailed: () => void;
  /** The handshake of this socket is over, one way or the other. */
  readonly onSettled: () => void;
}

interface PolicyServer {
  readonly server: Server;
  readonly policy: TlsPolicy;
  readonly handshakeTimeoutMs: number;
  /** For clients that name no server. */
  certificate: RuntimeCertificate | undefined;
}

interface Handshake {
  readonly raw: Socket;
  readonly origin: ConnectionOrigin;
}

const HTTP_PROTOCOLS = ['h2', 'http/1.1'];

export class TlsTerminator {
  readonly #options: TlsTerminatorOptions;
  /** By TlsPolicy.key. */
  #servers: ReadonlyMap<string, PolicyServer> = new Map();
  /** By `peerOf`: the socket that comes out of a handshake is another object than the one that went in. */
  readonly #handshakes = new Map<string, Handshake>();

  constructor(options: TlsTerminatorOptions) {
    this.#options = options;
  }

  /** Handshakes that run. */
  get size(): number {
    return this.#handshakes.size;
  }

  /** Makes the policies of this listener those that are known. Handshakes that run go on. */
  update({ all }: RuntimeListener, handshakeTimeoutMs: number): void {
    const servers = new Map<string, PolicyServer>();
    for (const { tlsPolicy } of all) {
      if (tlsPolicy === undefined || servers.has(tlsPolicy.key)) continue;
      const kept = this.#servers.get(tlsPolicy.key);
      const isSame = kept?.handshakeTimeoutMs === handshakeTimeoutMs;
      servers.set(tlsPolicy.key, isSame ? kept : this.#createServer(tlsPolicy, handshakeTimeoutMs));
    }
    this.#servers = servers;
    for (const server of servers.values()) this.#setCertificate(server);
  }

  /** Takes over a socket of which nothing was read, or nothing is left. */
  terminate(raw: Socket, origin: ConnectionOrigin, { key }: TlsPolicy): void {
    const server = this.#servers.get(key)?.server;
    if (server === undefined || raw.destroyed) {
      raw.destroy();
      return;
    }
    const peer = peerOf(raw);
    this.#handshakes.set(peer, { raw, origin });
    raw.once('close', () => {
      if (this.#handshakes.get(peer)?.raw !== raw) return;
      this.#handshakes.delete(peer);
      this.#options.onSettled();
    });
    server.emit('connection', raw);
  }

  destroy(): void {
    for (const { raw } of this.#handshakes.values()) raw.destroy();
  }

  #createServer(policy: TlsPolicy, handshakeTimeoutMs: number): PolicyServer {
    const { virtualHost, onSecure, onHandshakeFailed, onSettled } = this.#options;
    const { key, traffic, clientValidation } = policy;
    const server = createServer({
      // What the certificate's own context says of versions and suites comes too late.
      ...policy.contextOptions,
      allowHalfOpen: true,
      ...(traffic === 'http' ? { ALPNProtocols: HTTP_PROTOCOLS } : {}),
      requestCert: clientValidation !== undefined,
      rejectUnauthorized: clientValidation?.allowsInsecureFallback === false,
      handshakeTimeout: handshakeTimeoutMs,
      SNICallback: (name, done) => {
        const serverName = readServerName(name);
        const host = virtualHost(serverName);
        // Another policy only where the configuration changed since the ClientHello was looked at.
        const certificate =
          host?.tlsPolicy?.key === key ? chooseCertificate(host.certificates, serverName ?? '') : undefined;
        if (certificate === undefined) done(new Error('no listener for this server name'));
        else done(null, certificate.context);
      },
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const peer = peerOf(socket);
      const handshake = this.#handshakes.get(peer);
      this.#handshakes.delete(peer);
      if (handshake === undefined) socket.destroy();
      else onSecure(socket, handshake.origin, policy);
      onSettled();
    });
    server.on('tlsClientError', (_error, socket) => {
      onHandshakeFailed();
      socket.destroy();
    });
    return { server, policy, handshakeTimeoutMs, certificate: undefined };
  }

  /** A new context knows nothing of the sessions of the old one: it is set only when the certificate is another. */
  #setCertificate(policyServer: PolicyServer): void {
    const { policy, server } = policyServer;
    const host = this.#options.virtualHost(undefined);
    const certificate = host?.tlsPolicy?.key === policy.key ? host.certificates[0] : undefined;
    if (certificate === policyServer.certificate) return;
    policyServer.certificate = certificate;
    server.setSecureContext(certificate?.options ?? policy.contextOptions);
  }
}

/** What OpenSSL read, in the form that our own reading of the ClientHello has. An address is no server name (RFC 6066 section 3). */
export function readServerName(name: string | false | undefined): string | undefined {
  if (name === undefined || name === false || name === '') return undefined;
  const lower = name.toLowerCase();
  const host = lower.endsWith('.') ? lower.slice(0, -1) : lower;
  return isIP(host) === 0 ? host : undefined;
}

/** Tells the connections of one listening socket apart. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
