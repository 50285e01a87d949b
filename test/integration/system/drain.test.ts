// The end of a gateway under load: clients that heed `Connection: close` or the readiness lose nothing, what is in flight is finished
// within the grace time, and the exit code is 0.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from './manifests.ts';
import { canConnect } from './reachability.ts';
import { SystemGateway } from './system-gateway.ts';
import { ANY_200, Client, Traffic } from './traffic.ts';

/** Long enough for all that the test does in it, also where the machine is busy. */
const DELAY_MS = 1_000;
/** Timers of two processes are compared. */
const TOLERANCE_MS = 20;
const POLL_MS = 10;

/** A gateway in front of a server that holds requests to `/held` back. */
class Stage {
  readonly sluice: SystemGateway;
  readonly port: number;
  readonly #held: Promise<ServerResponse>;

  private constructor(sluice: SystemGateway, port: number, held: Promise<ServerResponse>) {
    this.sluice = sluice;
    this.port = port;
    this.#held = held;
  }

  static async create(t: TestContext, graceMs: number): Promise<Stage> {
    const directory = new TemporaryDirectory(t);
    const port = await freePort();
    const { promise: held, resolve } = Promise.withResolvers<ServerResponse>();
    const server = createServer((request, response) => {
      if (request.url === '/held') {
        response.write('begun ');
        resolve(response);
      } else {
        response.end('ok');
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port: upstreamPort } = server.address() as AddressInfo;
    directory.write({
      'manifests/all.yaml': documents(
        gateway({ name: 'http', port }),
        route('all', { backend: 'node' }),
        backend('node', upstreamPort),
      ),
    });
    const environment = { SLUICE_DRAIN_DELAY: `${DELAY_MS}ms`, SLUICE_DRAIN_GRACE: `${graceMs}ms` };
    return new Stage(await SystemGateway.start(t, directory.at('manifests'), { environment }), port, held);
  }

  /** Its answer has begun when this resolves; `answer` is all of it. */
  async hold(): Promise<{ readonly response: ServerResponse; readonly answer: Promise<string> }> {
    const client = new Client({ port: this.port, path: '/held' }, true);
    const answer = client.ask().then(
      ({ status, body }) => `${status} ${body}`,
      () => 'cut',
    );
    return { response: await this.#held, answer };
  }

  /** As soon as nobody is accepted any more: nothing else tells. */
  async untilClosed(): Promise<void> {
    while (await canConnect(this.port)) await delay(POLL_MS);
  }
}

test('SIGTERM under load fails no request', async (t) => {
  const stage = await Stage.create(t, 10_000);
  const { sluice, port } = stage;
  const regulars = new Traffic(t, { target: { port }, keepAlive: 4, fresh: 0, judge: ANY_200, endsAtClose: true });
  const newcomers = new Traffic(t, { target: { port }, keepAlive: 0, fresh: 2, judge: ANY_200 });
  const { response, answer } = await stage.hold();
  await Promise.all([regulars.untilMore(200), newcomers.untilMore(200)]);

  const startMs = performance.now();
  sluice.process.signal('SIGTERM');
  await sluice.process.untilErrors(/"signal":"SIGTERM"/);
  assert.deepEqual(await sluice.readiness(), { ready: false, reasons: ['draining'] });
  await regulars.untilEnded();
  // A balancer learns little by little; so long, new connections are served.
  await newcomers.untilMore(50);
  const late = await new Client({ port }, true).ask();
  assert.deepEqual([late.status, late.headers.connection], [200, 'close']);
  await newcomers.stop();
  assert.ok(performance.now() - startMs < DELAY_MS, 'all of that happened within the delay');
  await stage.untilClosed();
  const closedAfterMs = performance.now() - startMs;
  assert.ok(closedAfterMs >= DELAY_MS - TOLERANCE_MS, `accepts nothing after ${closedAfterMs} ms`);
  response.end('and finished');
  assert.equal(await answer, '200 begun and finished');
  const { code, errors } = await sluice.process.ending();
  const tookMs = Math.round(performance.now() - startMs);

  t.diagnostic(`kept connections: ${String(regulars)}; fresh ones: ${String(newcomers)}; ended after ${tookMs} ms`);
  assert.equal(regulars.failed, 0, String(regulars));
  assert.equal(newcomers.failed, 0, String(newcomers));
  assert.equal(code, 0, errors);
  assert.match(errors, /"msg":"drained"/);
  assert.doesNotMatch(errors, /"level":"(?:warn|error|fatal)"/);
});

test('a request that takes longer than the grace time is cut', async (t) => {
  const GRACE_MS = 300;
  const stage = await Stage.create(t, GRACE_MS);
  const { sluice } = stage;
  const { answer } = await stage.hold();
  const startMs = performance.now();
  sluice.process.signal('SIGTERM');
  assert.equal(await answer, 'cut');
  const cutAfterMs = performance.now() - startMs;
  assert.ok(cutAfterMs >= DELAY_MS + GRACE_MS - TOLERANCE_MS, `cut after ${cutAfterMs} ms`);
  const { code, errors } = await sluice.process.ending();
  assert.equal(code, 0, errors);
});

test('SIGHUP, which a closed terminal sends, drains too', async (t) => {
  const stage = await Stage.create(t, 10_000);
  const { response, answer } = await stage.hold();
  stage.sluice.process.signal('SIGHUP');
  await stage.untilClosed();
  response.end('and finished');
  assert.equal(await answer, '200 begun and finished');
  const { code, errors } = await stage.sluice.process.ending();
  assert.equal(code, 0, errors);
});
