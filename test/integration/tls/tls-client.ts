// One HTTPS request on a connection of its own, and what the handshake settled.
import { once } from 'node:events';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { text } from 'node:stream/consumers';
import type { WireAddress } from '../../harness/wire-client.ts';

export interface HttpsAnswer {
  readonly status: number;
  readonly body: string;
}

/** @param serverName what SNI says; '' for none. */
export async function ask(to: WireAddress, ca: string, serverName: string, host: string): Promise<HttpsAnswer> {
  const outgoing = request({
    host: to.address,
    port: to.port,
    servername: serverName,
    ca,
    headers: { host },
    agent: false,
    // What is presented without a name, or for a name that is no certificate's, is not this test's question.
    rejectUnauthorized: false,
  });
  const answered = once(outgoing, 'response');
  outgoing.end();
  const [answer] = (await answered) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}

/** A connection after its handshake. @throws where there is none. */
export async function handshake(to: WireAddress, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: to.address, port: to.port, ...options });
  try {
    await once(socket, 'secureConnect');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
