// A process: TLS 1.3 connections that are closed as soon as they are secure, some at a time. Prints a LoadResult of handshakes.
import { once } from 'node:events';
import { connect, createSecureContext } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { quantile } from '../statistics.ts';
import type { LoadResult } from './load-result.ts';

export interface HandshakeTask {
  readonly port: number;
  readonly host: string;
  /** At a time. */
  readonly connections: number;
  readonly seconds: number;
  readonly isResumed: boolean;
}

const task = JSON.parse(process.argv[2] ?? '') as HandshakeTask;
// One group that everybody has: newer libraries would agree on a post-quantum one, which costs more.
const secureContext = createSecureContext({ minVersion: 'TLSv1.3', ecdhCurve: 'X25519' });
const resumption = task.isResumed ? { session: await fetchSession() } : {};
const durationsMs: number[] = [];

const deadline = performance.now() + task.seconds * 1000;
await Promise.all(Array.from({ length: task.connections }, shakeHands));
const sorted = Float64Array.from(durationsMs).sort();
const result: LoadResult = { done: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
console.log(JSON.stringify(result));

async function shakeHands(): Promise<void> {
  while (performance.now() < deadline) {
    const startedAt = performance.now();
    const socket = open(resumption);
    await once(socket, 'secureConnect');
    durationsMs.push(performance.now() - startedAt);
    if (socket.isSessionReused() !== task.isResumed) throw new Error(`resumed: ${socket.isSessionReused()}`);
    socket.resume().end();
    await once(socket, 'close');
  }
}

function open(options: { readonly session?: Buffer } = {}): TLSSocket {
  const target = { host: '127.0.0.1', port: task.port, servername: task.host, ALPNProtocols: ['http/1.1'] };
  return connect({ ...target, secureContext, rejectUnauthorized: false, ...options });
}

/** Some servers send a ticket only with their first answer. */
async function fetchSession(): Promise<Buffer> {
  const socket = open();
  socket.write(`GET / HTTP/1.1\r\nHost: ${task.host}\r\n\r\n`);
  const [ticket] = (await once(socket.resume(), 'session')) as [Buffer];
  socket.end();
  await once(socket, 'close');
  return ticket;
}
