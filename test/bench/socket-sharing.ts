// How two worker processes can share a listening port, measured: what SIGKILLs lose, how evenly connections spread, what a request
// costs. `node test/bench/socket-sharing.ts [shared|reusePort|roundRobin]…`; the results are in docs/adr/0008-processes.md.
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { Socket } from 'node:net';
import * as net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

type Mode = 'shared' | 'reusePort' | 'roundRobin';

const MODES: readonly Mode[] = ['shared', 'reusePort', 'roundRobin'];
const WORKERS = 2;
const PORT = 18_977;
const KILLS = 10;
const CLIENTS = 40;
const ANSWER_TIMEOUT_MS = 1_000;

const role = process.env['SOCKET_SHARING_ROLE'];
function work(mode: Mode): void {
  let accepted = 0;
  const server: Server = createServer((_request, response) => {
    // A request is in flight for a moment.
    setTimeout(() => response.end('x'.repeat(130)), 2);
  });
  server.on('connection', () => accepted++);
  process.on('message', (message: string, handle: unknown) => {
    if (message === 'listen') server.listen(handle as Server, 4_096, () => process.send?.('ready'));
    if (message === 'connection') server.emit('connection', handle as Socket);
    if (message === 'count') process.send?.({ accepted });
  });
  process.on('disconnect', () => process.exit());
  if (mode === 'reusePort')
    server.listen({ port: PORT, reusePort: true, backlog: 4_096 }, () => process.send?.('ready'));
  if (mode === 'roundRobin') process.send?.('ready');
}

class Stage {
  readonly workers: ChildProcess[] = [];
  readonly #mode: Mode;
  readonly #handle: unknown;
  readonly #acceptor = createTcpServer({ pauseOnConnect: true });
  #next = 0;

  constructor(mode: Mode) {
    this.#mode = mode;
    const { _createServerHandle: bind } = net as unknown as { _createServerHandle: (...args: unknown[]) => unknown };
    if (mode === 'shared') this.#handle = bind('0.0.0.0', PORT, 4);
    if (mode !== 'roundRobin') return;
    this.#acceptor.on('connection', (socket) => {
      const worker = this.workers[this.#next++ % this.workers.length];
      worker?.send('connection', socket);
    });
    this.#acceptor.listen(PORT);
  }

  async start(): Promise<void> {
    const worker = fork(import.meta.filename, { env: { ...process.env, SOCKET_SHARING_ROLE: this.#mode } });
    worker.on('error', () => {});
    const ready = new Promise<void>((resolve) => worker.on('message', (message) => message === 'ready' && resolve()));
    if (this.#mode === 'shared') worker.send('listen', this.#handle as net.Server);
    await ready;
    this.workers.push(worker);
  }

  async counts(): Promise<number[]> {
    return await Promise.all(
      this.workers.map(async (worker) => {
        worker.send('count');
        const [message] = (await once(worker, 'message')) as [{ accepted: number }];
        return message.accepted;
      }),
    );
  }

  async replaceFirst(): Promise<void> {
    const worker = this.workers.shift();
    worker?.kill('SIGKILL');
    await this.start();
  }

  async close(): Promise<void> {
    const ended = this.workers.map(async (worker) => await once(worker, 'exit'));
    for (const worker of this.workers) worker.kill('SIGKILL');
    await Promise.all(ended);
    this.#acceptor.close();
    (this.#handle as { close(): void } | undefined)?.close();
  }
}

async function withStage<T>(mode: Mode, action: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = new Stage(mode);
  for (let i = 0; i < WORKERS; i++) await stage.start();
  try {
    return await action(stage);
  } finally {
    await stage.close();
  }
}

/** Requests lost by SIGKILLs under load; half of the clients keep their connections. */
async function kills(mode: Mode): Promise<string> {
  return await withStage(mode, async (stage) => {
    let attempted = 0;
    let failed = 0;
    const over = new AbortController();
    const client = async (keepAlive: boolean): Promise<void> => {
      const agent = new Agent({ keepAlive });
      while (!over.signal.aborted) {
        attempted++;
        await new Promise<void>((resolve) => {
          const outgoing = request({ port: PORT, agent, timeout: ANSWER_TIMEOUT_MS }, (response) => {
            response
              .on('error', () => {})
              .on('close', () => {
                if (!response.complete) failed++;
                resolve();
              });
            response.resume();
          });
          // Whoever was handed to a dead worker is never answered.
          outgoing.on('timeout', () => outgoing.destroy());
          outgoing.on('error', () => {
            failed++;
            resolve();
          });
          outgoing.end();
        });
      }
      agent.destroy();
    };
    const clients = Array.from({ length: CLIENTS }, (_, index) => client(index % 2 === 0));
    await delay(300);
    for (let i = 0; i < KILLS; i++) {
      await stage.replaceFirst();
      await delay(200);
    }
    over.abort();
    await Promise.all(clients);
    return `${KILLS} kills: ${failed} of ${attempted} lost`;
  });
}

/** @param pauseMs between two connections; 0: all at once. */
async function balance(mode: Mode, connections: number, pauseMs: number): Promise<string> {
  return await withStage(mode, async (stage) => {
    const sockets: Socket[] = [];
    for (let i = 0; i < connections; i++) {
      const socket = connect(PORT).on('error', () => {});
      sockets.push(socket);
      if (pauseMs > 0) await once(socket, 'connect').then(() => delay(pauseMs));
    }
    await delay(300);
    const counts = await stage.counts();
    for (const socket of sockets) socket.destroy();
    return counts.join(' / ');
  });
}

/** New connections under load, as wrk opens them: how even, and how fast. */
async function load(mode: Mode, connections: number): Promise<string> {
  return await withStage(mode, async (stage) => {
    const wrk = spawn('wrk', ['-t1', `-c${connections}`, '-d3', `http://127.0.0.1:${PORT}/`]);
    let text = '';
    wrk.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(wrk, 'close');
    const rate = /Requests\/sec: +([\d.]+)/.exec(text)?.[1];
    return `${(await stage.counts()).join(' / ')}, ${rate} requests/s`;
  });
}

async function measure(): Promise<void> {
  const wanted = process.argv.slice(2) as Mode[];
  for (const mode of wanted.length > 0 ? wanted : MODES) {
    console.log(mode);
    console.log('  SIGKILL             ', await kills(mode));
    console.log('  200 at once         ', await balance(mode, 200, 0));
    console.log('  200, one each 2 ms  ', await balance(mode, 200, 2));
    console.log('  wrk, 64 connections ', await load(mode, 64));
  }
}

if (role === undefined) await measure();
else work(role as Mode);
