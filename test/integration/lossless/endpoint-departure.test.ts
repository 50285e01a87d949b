// Endpoints that go away while requests are on their way to them: taken out of the configuration while they are busy, or while they are
// down, and killed in the middle of what they do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { ANY_200, Client, Traffic } from '../system/traffic.ts';
import type { Answer, Judge } from '../system/traffic.ts';
import { Http2Client } from './http2-client.ts';
import { TrafficUpstream } from './traffic-upstream.ts';
import { UpstreamProcess } from './upstream-process.ts';

const TIMEOUT_MS = 60_000;
/** Clients of each protocol, that ask without a pause. */
const CLIENTS = 8;
/** More than are under way at once. */
const ANSWERS = 40;
const KILLS = 2;

/** Who answered since the last look. */
class Witness implements Judge<undefined> {
  readonly bodies = new Set<string>();

  begin(): undefined {
    return undefined;
  }

  judge(answer: Answer): string | undefined {
    this.bodies.add(answer.body);
    return ANY_200.judge(answer, undefined);
  }
}

/** A gateway with one backend of some endpoints, and clients that ask for it. */
class Stage {
  readonly sluice: SystemGateway;
  readonly port: number;
  readonly #directory: TemporaryDirectory;
  readonly #witness = new Witness();
  #traffics: Traffic<undefined>[] = [];
  #versions = 1;

  private constructor(sluice: SystemGateway, port: number, directory: TemporaryDirectory) {
    this.sluice = sluice;
    this.port = port;
    this.#directory = directory;
  }

  static async start(t: TestContext, ...endpoints: readonly { readonly port: number }[]): Promise<Stage> {
    const directory = new TemporaryDirectory(t);
    const port = await freePort();
    directory.write({
      'manifests/gateway.yaml': documents(gateway({ name: 'http', port }), route('all', { backend: 'all' })),
      'manifests/backend.yaml': documents(backend('all', ...endpoints.map(({ port: at }) => at))),
    });
    return new Stage(await SystemGateway.start(t, directory.at('manifests')), port, directory);
  }

  /** @param path of the upstream */
  ask(t: TestContext, path: string): void {
    const common = { target: { port: this.port, path }, keepAlive: CLIENTS, fresh: 0, judge: this.#witness };
    const http2 = new Http2Client(common.target, true);
    this.#traffics = [new Traffic(t, common), new Traffic(t, { ...common, open: () => http2 })];
  }

  get active(): number {
    return this.#traffics.reduce((sum, { active }) => sum + active, 0);
  }

  /** Who answers from now on, when what is under way has been answered. */
  async answering(): Promise<string[]> {
    const goOn = async (): Promise<void> => {
      await Promise.all(this.#traffics.map((traffic) => traffic.untilMore(ANSWERS)));
    };
    await goOn();
    this.#witness.bodies.clear();
    await goOn();
    return [...this.#witness.bodies].sort();
  }

  /** Resolves when it is applied. */
  async keepEndpoints(...endpoints: readonly { readonly port: number }[]): Promise<void> {
    this.#directory.replace('manifests/backend.yaml', documents(backend('all', ...endpoints.map(({ port }) => port))));
    await this.sluice.untilConfigVersion(++this.#versions);
  }

  /**
   * Nothing failed, and nothing is left.
   * @param mayLose requests that were under way to an endpoint that was killed: on a connection that had served none before, they are not
   * sent again, as nobody knows whether they were what ended it
   */
  async conclude(t: TestContext, events: string, mayLose = 0): Promise<void> {
    for (const traffic of this.#traffics) await traffic.stop();
    t.diagnostic(`${events}; HTTP/1.1: ${String(this.#traffics[0])}; HTTP/2: ${String(this.#traffics[1])}`);
    for (const traffic of this.#traffics) {
      assert.ok(traffic.failed <= mayLose, String(traffic));
      for (const failure of traffic.failures) assert.match(failure, /^503 .*The backend closed the connection/);
    }
    const { code, errors } = await this.sluice.stop();
    assert.equal(code, 0, errors);
    assert.doesNotMatch(errors, /"level":"(?:error|fatal)"/);
  }
}

test('removed from the configuration while it is busy', { timeout: TIMEOUT_MS }, async (t) => {
  const [a, b] = [await TrafficUpstream.start(t, 'a'), await TrafficUpstream.start(t, 'b')];
  const stage = await Stage.start(t, a, b);
  stage.ask(t, '/?delayMs=20');
  assert.deepEqual(await stage.answering(), ['a', 'b']);
  const slow = Array.from({ length: 6 }, () => new Client({ port: stage.port, path: '/held' }, true).ask());
  await a.untilHeld(3);
  await b.untilHeld(3);
  await stage.keepEndpoints(b);
  assert.deepEqual(await stage.answering(), ['b']);
  // Idle ones are closed; what is busy is not.
  await a.untilConnections(3);
  for (const upstream of [a, b]) upstream.release();
  const answers = (await Promise.all(slow)).map(({ status, body }) => `${status} ${body}`);
  assert.deepEqual(answers.sort(), ['200 a', '200 a', '200 a', '200 b', '200 b', '200 b']);
  await a.untilConnections(0);
  await stage.conclude(t, 'an endpoint was removed while it had 3 requests to finish');
});

test('removed from the configuration while it is down', { timeout: TIMEOUT_MS }, async (t) => {
  const [a, b] = [await UpstreamProcess.start(t, 'a'), await UpstreamProcess.start(t, 'b')];
  const stage = await Stage.start(t, a, b);
  stage.ask(t, '/');
  assert.deepEqual(await stage.answering(), ['a', 'b']);
  await a.kill();
  assert.deepEqual(await stage.answering(), ['b']);
  const failures = async (): Promise<number> =>
    (await stage.sluice.metrics()).sum('sluice_upstream_connect_failures_total');
  assert.ok((await failures()) > 0, 'it is tried');
  await stage.keepEndpoints(b);
  await stage.answering();
  const before = await failures();
  assert.deepEqual(await stage.answering(), ['b']);
  assert.equal(await failures(), before, 'it is not tried any more');
  await stage.conclude(t, `a dead endpoint was tried ${before} times, then removed`);
});

test('killed under load, one after the other', { timeout: TIMEOUT_MS }, async (t) => {
  const endpoints = [await UpstreamProcess.start(t, 'a'), await UpstreamProcess.start(t, 'b')] as const;
  const stage = await Stage.start(t, ...endpoints);
  stage.ask(t, '/');
  let underWay = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    assert.deepEqual(await stage.answering(), ['a', 'b']);
    const victim = endpoints[kill % 2] ?? assert.fail();
    const survivor = endpoints[(kill + 1) % 2] ?? assert.fail();
    underWay += stage.active;
    await victim.kill();
    assert.deepEqual(await stage.answering(), [survivor.name]);
    await victim.start();
  }
  const retries = (await stage.sluice.metrics()).sum('sluice_upstream_retries_total');
  await stage.conclude(
    t,
    `${KILLS} kills fell into ${underWay} requests, ${retries} tries on the other endpoint`,
    underWay,
  );
});
