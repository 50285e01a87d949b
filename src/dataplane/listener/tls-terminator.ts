// TLS on one listening socket. Whether clients are asked for certificates and which protocols are negotiated belongs to a tls.Server,
// not to a SecureContext: so there is one server, which never listens, for each certificate of each policy. Which one it is, our own
// reading of the ClientHello tells: an SNICallback would halt every handshake to ask for it again.
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import type { RuntimeListener } from '../runtime/snapshot.ts';
import type { TlsPolicy } from '../runtime/tls-policy.ts';
import type { ConnectionOrigin } from './arrival.ts';

export interface TlsTerminatorOptions {
  readonly onSecure: (socket: TLSSocket, handshake: Handshake) => void;
  readonly onHandshakeFailed: () => void;
  /** The handshake of this socket is over, one way or the other. */
  readonly onSettled: () => void;
}

export interface Handshake {
  readonly origin: ConnectionOrigin;
  readonly policy: TlsPolicy;
  /** As in ClientHello. */
  readonly serverName: string | undefined;
}

interface RunningHandshake {
  readonly raw: Socket;
  readonly handshake: Handshake;
}

const HTTP_PROTOCOLS = ['h2', 'http/1.1'];

export class TlsTerminator {
  readonly #options: TlsTerminatorOptions;
  /** A RuntimeCertificate is of one policy. Made when a client first needs it. */
  readonly #servers = new Map<RuntimeCertificate, Server>();
  /** By `peerOf`: the socket that comes out of a handshake is another object than the one that went in. */
  readonly #handshakes = new Map<string, RunningHandshake>();
  #handshakeTimeoutMs = 0;

  constructor(options: TlsTerminatorOptions) {
    this.#options = options;
  }

  /** Handshakes that run. */
  get size(): number {
    return this.#handshakes.size;
  }

  /**
   * Forgets the certificates that this listener does not have. Handshakes that run go on. The server of a certificate that stays is kept,
   * as a new one would know nothing of its sessions.
   */
  update({ all }: RuntimeListener, handshakeTimeoutMs: number): void {
    const certificates = new Set(all.flatMap((host) => host.certificates));
    for (const certificate of this.#servers.keys())
      if (handshakeTimeoutMs !== this.#handshakeTimeoutMs || !certificates.has(certificate))
        this.#servers.delete(certificate);
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
  }

  /** Takes over a socket of which nothing was read, or nothing is left. */
  terminate(raw: Socket, certificate: RuntimeCertificate, handshake: Handshake): void {
    if (raw.destroyed) return;
    const peer = peerOf(raw);
    this.#handshakes.set(peer, { raw, handshake });
    raw.on('close', () => {
      if (this.#handshakes.get(peer)?.raw !== raw) return;
      this.#handshakes.delete(peer);
      this.#options.onSettled();
    });
    this.#serverOf(certificate, handshake.policy).emit('connection', raw);
  }

  destroy(): void {
    for (const { raw } of this.#handshakes.values()) raw.destroy();
  }

  #serverOf(certificate: RuntimeCertificate, policy: TlsPolicy): Server {
    let server = this.#servers.get(certificate);
    if (server === undefined) {
      server = this.#createServer(certificate, policy);
      this.#servers.set(certificate, server);
    }
    return server;
  }

  #createServer({ options }: RuntimeCertificate, { traffic, clientValidation }: TlsPolicy): Server {
    const { onSecure, onHandshakeFailed, onSettled } = this.#options;
    const server = createServer({
      ...options,
      allowHalfOpen: true,
      ...(traffic === 'http' ? { ALPNProtocols: HTTP_PROTOCOLS } : {}),
      requestCert: clientValidation !== undefined,
      rejectUnauthorized: clientValidation?.allowsInsecureFallback === false,
      handshakeTimeout: this.#handshakeTimeoutMs,
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const peer = peerOf(socket);
      const running = this.#handshakes.get(peer);
      this.#handshakes.delete(peer);
      if (running === undefined) socket.destroy();
      else onSecure(socket, running.handshake);
      onSettled();
    });
    server.on('tlsClientError', (_error, socket) => {
      onHandshakeFailed();
      socket.destroy();
    });
    return server;
  }
}

/** Tells the connections of one listening socket apart. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
