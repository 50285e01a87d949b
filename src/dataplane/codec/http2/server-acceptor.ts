// Makes HTTP/2 connections of sockets that somebody else accepted: over TLS after ALPN chose h2, in plaintext after the preface was seen
// and put back. It owns the http2 server that node:http2 wants for it, which never listens.
import { createSecureServer, createServer } from 'node:http2';
import type { Http2SecureServer, Http2Server, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { DownstreamInfo } from '../../exchange.ts';
import type { ExchangeTaker } from '../http1/server-settings.ts';
import { Http2ServerConnection } from './server-connection.ts';
import { serverOptions } from './server-settings.ts';
import type { Http2ServerSettings } from './server-settings.ts';

/** One for each kind of socket; it holds nothing of a connection. */
export class Http2Acceptor {
  readonly #scheme: 'http' | 'https';
  readonly #settings: Http2ServerSettings;
  readonly #server: Http2Server | Http2SecureServer;
  /** Of the socket that is being taken over. */
  #session: ServerHttp2Session | undefined = undefined;

  constructor(scheme: 'http' | 'https', settings: Http2ServerSettings) {
    this.#scheme = scheme;
    this.#settings = settings;
    const options = serverOptions(settings.limits);
    this.#server = scheme === 'https' ? createSecureServer(options) : createServer(options);
    this.#server.on('session', (session: ServerHttp2Session) => {
      this.#session = session;
    });
  }

  /**
   * @param socket open, paused or not, nobody else's from here on; a TLS socket has agreed on h2.
   * @throws Error when there is no connection any more; then the taker hears nothing.
   */
  serve(socket: Socket, downstream: DownstreamInfo, taker: ExchangeTaker): Http2ServerConnection {
    this.#server.emit(this.#scheme === 'https' ? 'secureConnection' : 'connection', socket);
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) throw new Error('no HTTP/2 session on this socket');
    return new Http2ServerConnection(socket, session, this.#scheme, downstream, this.#settings, taker);
  }
}
