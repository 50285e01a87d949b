// A process: opens connections one after the other, makes one request on each, and keeps them until it is killed. Prints a line when
// all are there; a connection that closes ends it.
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface IdleTask {
  readonly protocol: 'h1' | 'h1-tls' | 'h2-tls';
  readonly port: number;
  readonly host: string;
  readonly connections: number;
}

const { protocol, port, host, connections } = JSON.parse(process.argv[2] ?? '') as IdleTask;
const tls = { host: '127.0.0.1', port, servername: host, rejectUnauthorized: false };

for (let i = 0; i < connections; i++) {
  if (protocol === 'h1') await askHttp1(connectTcp(port, '127.0.0.1'));
  else if (protocol === 'h1-tls') await askHttp1(connectTls({ ...tls, ALPNProtocols: ['http/1.1'] }));
  else await askHttp2();
}
console.log('all are open');

async function askHttp1(socket: Socket): Promise<void> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(answer.toString('latin1'));
  socket.on('close', failClosed);
}

async function askHttp2(): Promise<void> {
  const createConnection = (): Socket => connectTls({ ...tls, ALPNProtocols: ['h2'] });
  const session = connectHttp2(`https://${host}:${port}`, { createConnection });
  const stream = session.request({ ':path': '/' });
  const [head] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>];
  if (head[':status'] !== 200) throw new Error(`status ${String(head[':status'])}`);
  await once(stream.resume(), 'close');
  session.on('close', failClosed);
}

function failClosed(): never {
  throw new Error('a connection was closed');
}
