// Editing a route while clients ask without pause: every answer is 200 from one of the two backends, and after the first answer of the
// new one, no request that begins gets the old one any more. What was open before the first edit lives through all of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from './manifests.ts';
import { startNginx } from './nginx.ts';
import { SystemGateway } from './system-gateway.ts';
import { Traffic } from './traffic.ts';
import type { Answer, Judge } from './traffic.ts';
import { WebSocketEcho } from './websocket-echo.ts';

type Name = 'a' | 'b';

/** The time from one edit to the next, in which the traffic goes to one backend, but for the first moments. */
interface Window {
  readonly to: Name;
  readonly how: string;
  readonly editedAtMs: number;
  /** The first answer of this backend to a request that began after the edit. */
  seenAtMs: number | undefined;
  readonly answers: Record<Name, number>;
}

interface Begun {
  readonly window: Window;
  readonly isSettled: boolean;
}

const ECHO_BOUND_MS = 15_000;
/** Of the backend of each window. */
const MIN_ANSWERS = 50;

class FlipBook implements Judge<Begun> {
  readonly windows: Window[] = [];
  #now: Window;

  constructor(to: Name) {
    this.#now = this.flip(to, 'at start');
  }

  /** To be called right before the edit. */
  flip(to: Name, how: string): Window {
    this.#now = { to, how, editedAtMs: performance.now(), seenAtMs: undefined, answers: { a: 0, b: 0 } };
    this.windows.push(this.#now);
    return this.#now;
  }

  begin(): Begun {
    return { window: this.#now, isSettled: this.#now.seenAtMs !== undefined };
  }

  judge({ status, body }: Answer, begun: Begun): string | undefined {
    if (status !== 200 || (body !== 'a' && body !== 'b')) return `${status} ${body}`;
    const now = this.#now;
    now.answers[body]++;
    // Edits since it began may have moved it to either.
    if (begun.window !== now) return undefined;
    if (begun.isSettled && body !== now.to) return `${body} after the change to ${now.to}`;
    if (body === now.to) now.seenAtMs ??= performance.now();
    return undefined;
  }

  report(): string {
    const rows = this.windows.map(({ to, how, editedAtMs, seenAtMs = Number.NaN, answers }, index) => {
      const delayText = index === 0 ? '' : `, seen after ${Math.round(seenAtMs - editedAtMs)} ms`;
      return `  ${String(index).padStart(2)} → ${to} ${how}${delayText}: ${answers.a} of a, ${answers.b} of b`;
    });
    return rows.join('\n');
  }
}

/** Two backends `a` and `b` in nginx, one that holds connections open, and a gateway with a file that holds one route. */
class Stage {
  readonly directory: TemporaryDirectory;
  readonly book = new FlipBook('a');
  readonly port: number;
  readonly socket: WebSocketEcho;
  /** What `/stream` answers, begun but not ended. */
  readonly streams: ServerResponse[] = [];

  private constructor(directory: TemporaryDirectory, port: number, socket: WebSocketEcho) {
    this.directory = directory;
    this.port = port;
    this.socket = socket;
  }

  static async create(t: TestContext): Promise<Stage> {
    const directory = new TemporaryDirectory(t);
    const [port, a, b] = [await freePort(), await freePort(), await freePort()];
    const server = (name: Name, at: number): string =>
      `server { listen 127.0.0.1:${at}; location / { return 200 ${name}; } }`;
    await startNginx(t, [a, b], server('a', a) + server('b', b));
    const stage = new Stage(directory, port, new WebSocketEcho());
    const holder = createServer((_request, response) => {
      response.write('open ');
      stage.streams.push(response);
    });
    holder.on('upgrade', stage.socket.accept);
    await once(holder.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      holder.close();
      holder.closeAllConnections();
    });
    directory.write({
      'manifests/others.yaml': documents(
        gateway({ name: 'http', port }),
        backend('a', a),
        backend('b', b),
        backend('holder', (holder.address() as AddressInfo).port),
      ),
    });
    return stage;
  }

  routeText(to: Name): string {
    return documents(
      route('flipped', { backend: to }, { path: '/socket', backend: 'holder' }, { path: '/stream', backend: 'holder' }),
    );
  }

  traffic(t: TestContext): Traffic<Begun> {
    return new Traffic(t, { target: { port: this.port }, keepAlive: 3, fresh: 1, judge: this.book });
  }
}

/** A way to change the route's file. */
interface Edit {
  readonly how: string;
  readonly apply: (text: string, index: number) => void;
}

interface Flips {
  readonly flips: number;
  /** From one edit to the next. */
  readonly intervalMs: number;
  /** In turn. */
  readonly edits: readonly Edit[];
}

/** Flips the route under traffic, and checks what came of it. */
async function flip(t: TestContext, stage: Stage, { flips, intervalMs, edits }: Flips): Promise<void> {
  const { book } = stage;
  const sluice = await SystemGateway.start(t, stage.directory.at('manifests'));
  const socket = await EchoClient.open(stage.port);
  const [stream] = (await once(get({ port: stage.port, path: '/stream' }), 'response')) as [IncomingMessage];
  const streamText = text(stream);
  const traffic = stage.traffic(t);
  const startMs = performance.now();
  await traffic.untilMore(MIN_ANSWERS);
  for (let index = 0; index < flips; index++) {
    const { how, apply } = edits[index % edits.length] ?? assert.fail();
    const to = index % 2 === 0 ? 'b' : 'a';
    const window = book.flip(to, how);
    apply(stage.routeText(to), index);
    await traffic.until(`flip ${index + 1} is seen`, () => window.seenAtMs);
    await socket.echo(`flip ${index + 1}`);
    stage.streams[0]?.write(`${to} `);
    await delay(startMs + (index + 1) * intervalMs - performance.now());
  }
  await traffic.stop();
  const seconds = (performance.now() - startMs) / 1_000;
  stage.streams[0]?.end('end');
  socket.close();

  t.diagnostic(`${seconds.toFixed(1)} s: ${String(traffic)}\n${book.report()}`);
  assert.equal(traffic.failed, 0, String(traffic));
  assert.equal(traffic.completed, traffic.attempted);
  for (const { to, answers } of book.windows) assert.ok(answers[to] >= MIN_ANSWERS, 'there was traffic all the time');
  assert.equal(traffic.keptConnections, 3, 'no change closes a connection');
  assert.equal(await streamText, `open ${'b a '.repeat(flips / 2)}end`);
  assert.equal(sluice.configVersion, flips + 1, 'each edit is one change');
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:warn|error|fatal)"/);
}

/** A WebSocket that gets everything back, in turn. */
class EchoClient {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<EchoClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`);
    await once(socket, 'open');
    return new EchoClient(socket);
  }

  async echo(message: string): Promise<void> {
    const answered = once(this.#socket, 'message', { signal: AbortSignal.timeout(ECHO_BOUND_MS) });
    this.#socket.send(message);
    const [event] = (await answered) as [MessageEvent];
    assert.equal(event.data, message);
  }

  close(): void {
    this.#socket.close();
  }
}

test('20 flips of a route in 30 s, by editors: every answer is 200 from one of two backends', async (t) => {
  const stage = await Stage.create(t);
  const { directory } = stage;
  directory.write({ 'manifests/route.yaml': stage.routeText('a') });
  const inPlace: Edit = {
    how: 'written in place',
    apply: (content) => directory.write({ 'manifests/route.yaml': content }),
  };
  const renamed: Edit = {
    how: 'written beside and renamed',
    apply: (content) => directory.replace('manifests/route.yaml', content),
  };
  // Each way in both directions.
  await flip(t, stage, { flips: 20, intervalMs: 1_500, edits: [inPlace, renamed, renamed, inPlace] });
});

test('flips of a route as a mounted ConfigMap changes, by a symbolic link', async (t) => {
  const stage = await Stage.create(t);
  const { directory } = stage;
  directory.write({ 'manifests/map/..0/route.yaml': stage.routeText('a') });
  directory.link('..0', 'manifests/map/..data');
  directory.link('..data/route.yaml', 'manifests/map/route.yaml');
  const swap = (content: string, index: number): void => {
    directory.write({ [`manifests/map/..${index + 1}/route.yaml`]: content });
    directory.link(`..${index + 1}`, 'manifests/map/..data_tmp');
    directory.rename('manifests/map/..data_tmp', 'manifests/map/..data');
    directory.remove(`manifests/map/..${index}`);
  };
  await flip(t, stage, { flips: 6, intervalMs: 800, edits: [{ how: 'swapped', apply: swap }] });
});
