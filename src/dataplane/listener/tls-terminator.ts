// TLS on one listening socket. Whether clients are asked for certificates and which protocols are negotiated belongs to a tls.Server,
// not to a SecureContext: so there is one server, which never listens, for each policy among the virtual hosts.
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import { chooseCertificate } from '../runtime/certificate-context.ts';
import type { RuntimeListener, RuntimeVirtualHost } from '../runtime/snapshot.ts';
import { TLS_CONTEXT_OPTIONS } from '../runtime/tls-policy.ts';
import type { TlsPolicy } from '../runtime/tls-policy.ts';

export interface TlsTerminatorOptions {
  readonly handshakeTimeoutMs: number;
  /** The virtual host for a server name, at this moment; undefined for clients that name none. */
  readonly virtualHost: (serverName: string | undefined) => RuntimeVirtualHost | undefined;
  /** @param raw what was given to `terminate`. */
  readonly onSecure: (socket: TLSSocket, raw: Socket, policy: TlsPolicy) => void;
  readonly onHandshakeFailed: () => void;
  /** The handshake of this socket is over, one way or the other. */
  readonly onSettled: () => void;
}

interface PolicyServer {
  readonly server: Server;
  /** For clients that name no server. */
  certificate: RuntimeCertificate | undefined;
}

const HTTP_PROTOCOLS = ['h2', 'http/1.1'];

export class TlsTerminator {
  readonly #options: TlsTerminatorOptions;
  /** By TlsPolicy.key. */
  #servers: ReadonlyMap<string, PolicyServer> = new Map();
  /** By `peerOf`: the socket that comes out of a handshake is another object than the one that went in. */
  readonly #handshakes = new Map<string, Socket>();

  constructor(options: TlsTerminatorOptions) {
    this.#options = options;
  }

  /** Handshakes that run. */
  get size(): number {
    return this.#handshakes.size;
  }

  /** Makes the policies of this listener those that are known. Handshakes that run go on. */
  update({ all }: RuntimeListener): void {
    const servers = new Map<string, PolicyServer>();
    for (const { tlsPolicy } of all) {
      if (tlsPolicy === undefined || servers.has(tlsPolicy.key)) continue;
      servers.set(tlsPolicy.key, this.#servers.get(tlsPolicy.key) ?? this.#createServer(tlsPolicy));
    }
    this.#servers = servers;
    for (const [key, server] of servers) this.#setCertificate(key, server);
  }

  /** Takes over a socket of which nothing was read. */
  terminate(raw: Socket, { key }: TlsPolicy): void {
    const server = this.#servers.get(key)?.server;
    if (server === undefined || raw.destroyed) {
      raw.destroy();
      return;
    }
    const peer = peerOf(raw);
    this.#handshakes.set(peer, raw);
    raw.once('close', () => {
      if (this.#handshakes.get(peer) !== raw) return;
      this.#handshakes.delete(peer);
      this.#options.onSettled();
    });
    server.emit('connection', raw);
  }

  destroy(): void {
    for (const socket of this.#handshakes.values()) socket.destroy();
  }

  #createServer(policy: TlsPolicy): PolicyServer {
    const { handshakeTimeoutMs, virtualHost, onSecure, onHandshakeFailed, onSettled } = this.#options;
    const { key, traffic, clientValidation } = policy;
    const server = createServer({
      ...TLS_CONTEXT_OPTIONS,
      allowHalfOpen: true,
      ...(traffic === 'http' ? { ALPNProtocols: HTTP_PROTOCOLS } : {}),
      requestCert: clientValidation !== undefined,
      rejectUnauthorized: clientValidation?.allowsInsecureFallback === false,
      handshakeTimeout: handshakeTimeoutMs,
      SNICallback: (name, done) => {
        const serverName = hostOf(name);
        const host = virtualHost(serverName);
        // Another policy only where the configuration changed since the ClientHello was looked at.
        const certificate = host?.tlsPolicy?.key === key ? chooseCertificate(host.certificates, serverName) : undefined;
        if (certificate === undefined) done(new Error('no listener for this server name'));
        else done(null, certificate.context);
      },
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const peer = peerOf(socket);
      const raw = this.#handshakes.get(peer);
      this.#handshakes.delete(peer);
      if (raw === undefined) socket.destroy();
      else onSecure(socket, raw, policy);
      onSettled();
    });
    server.on('tlsClientError', (_error, socket) => {
      onHandshakeFailed();
      socket.destroy();
    });
    return { server, certificate: undefined };
  }

  /** A new context knows nothing of the sessions of the old one: it is set only when the certificate is another. */
  #setCertificate(key: string, policyServer: PolicyServer): void {
    const host = this.#options.virtualHost(undefined);
    const certificate = host?.tlsPolicy?.key === key ? host.certificates[0] : undefined;
    if (certificate === policyServer.certificate) return;
    policyServer.certificate = certificate;
    policyServer.server.setSecureContext(certificate?.options ?? TLS_CONTEXT_OPTIONS);
  }
}

/** The host that a handshake names, as virtual hosts know it. */
export function hostOf(serverName: string): string {
  const lower = serverName.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** Tells the connections of one listening socket apart. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
