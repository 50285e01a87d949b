// Makes connections to one endpoint. A connection over TLS is verified and presents one identity for all of its life; TLS sessions are
// not resumed, so none is ever carried from one name or identity to another.
import { connect as connectTcp, isIP } from 'node:net';
import type { OnReadOpts, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';

export type AlpnProtocol = 'h2' | 'http/1.1';

/** `checkServerIdentity` and `secureContext` say who may answer and as whom we come. */
export interface DialerTls extends Pick<ConnectionOptions, 'checkServerIdentity' | 'secureContext'> {
  /** SNI. */
  readonly serverName: string;
}

export class Dialer {
  readonly scheme: 'http' | 'https';
  /** What a socket emits when it can be used. */
  readonly readyEvent: 'connect' | 'secureConnect';
  readonly #address: string;
  readonly #port: number;
  readonly #tls: DialerTls | undefined;

  constructor(address: string, port: number, tls: DialerTls | undefined) {
    this.#address = address;
    this.#port = port;
    this.#tls = tls;
    this.scheme = tls === undefined ? 'http' : 'https';
    this.readyEvent = tls === undefined ? 'connect' : 'secureConnect';
  }

  /** A connection of which nothing is known but its bytes: no protocol is offered. See TcpEndpoint.connect. */
  dialStream(preamble: Buffer | undefined, onread: OnReadOpts): Socket {
    const target = { host: this.#address, port: this.#port, noDelay: true, allowHalfOpen: true };
    if (this.#tls === undefined) {
      const socket = connectTcp({ ...target, onread });
      if (preamble !== undefined) socket.write(preamble);
      return socket;
    }
    const { serverName, ...tls } = this.#tls;
    const options = { ...target, ...tls, servername: isIP(serverName) === 0 ? serverName : '' };
    // Documented, and missing in the types.
    if (preamble === undefined) return connectTls({ ...options, onread } as ConnectionOptions);
    const raw = connectTcp(target);
    raw.write(preamble);
    const socket: Socket = connectTls({ ...options, socket: raw });
    // Over a socket of ours, Node's TLS knows no `onread`.
    socket.on('data', (chunk: Buffer) => {
      if (!onread.callback(chunk.length, chunk)) socket.pause();
    });
    return socket;
  }

  /**
   * @param onread how it is read; undefined: it emits `data`.
   * @param protocols what is offered over TLS, the most wanted first.
   */
  dial(onread: OnReadOpts | undefined, ...protocols: readonly AlpnProtocol[]): Socket {
    const reading = onread === undefined ? {} : { onread };
    const target = { host: this.#address, port: this.#port, noDelay: true, allowHalfOpen: true, ...reading };
    if (this.#tls === undefined) return connectTcp(target);
    const { serverName, ...tls } = this.#tls;
    return connectTls({
      ...target,
      ...tls,
      // An address is no server name (RFC 6066 section 3); the certificate has to name it all the same.
      servername: isIP(serverName) === 0 ? serverName : '',
      ALPNProtocols: [...protocols],
    });
  }
}

/** What the handshake settled; undefined where the endpoint did not say, or there was none. */
export function settledProtocol(socket: Socket): AlpnProtocol | undefined {
  const { alpnProtocol } = socket as Partial<TLSSocket>;
  return alpnProtocol === 'h2' || alpnProtocol === 'http/1.1' ? alpnProtocol : undefined;
}
