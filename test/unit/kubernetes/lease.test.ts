// At most one candidate leads, whatever the clocks say and whoever stops answering.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import {
  LEASE_DURATION_MS,
  LeaderElection,
  RENEW_DEADLINE_MS,
  RETRY_PERIOD_MS,
} from '../../../src/kubernetes/lease.ts';
import { ApiClient } from '../../../src/kubernetes/api-client.ts';
import type { Lease } from '../../../src/kubernetes/lease.ts';
import { SILENT_LOGGER } from '../../../src/observability/process-log.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { ScriptedApiServer } from '../../harness/scripted-api-server.ts';

const YEAR_MS = 31_536_000_000;

interface Candidate {
  readonly clock: FakeClock;
  readonly election: LeaderElection;
  /** `leading`, `lost`, and the leaders it saw. */
  readonly story: string[];
  /** Lets time pass until its next try, and waits until that is over. */
  readonly tryAgain: () => Promise<void>;
}

class Arena {
  readonly server: ScriptedApiServer;
  lease: Lease | undefined = undefined;
  /** Whose requests are not answered. */
  readonly silenced = new Set<string>();
  #version = 0;
  readonly #t: TestContext;

  private constructor(t: TestContext, server: ScriptedApiServer) {
    this.#t = t;
    this.server = server;
    server.script = (request) => {
      if (this.silenced.has(request.headers['user-agent']?.replace('sluice/', '') ?? '')) return;
      const sent = request.body === '' ? undefined : (JSON.parse(request.body) as Lease);
      if (request.method === 'GET')
        return this.lease === undefined ? request.refuse(404, 'NotFound') : request.json(this.lease);
      const isStale = sent?.metadata.resourceVersion !== this.lease?.metadata.resourceVersion;
      if (sent === undefined || isStale) return request.refuse(409, 'Conflict');
      this.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: `${++this.#version}` } };
      request.json(this.lease);
    };
  }

  static async open(t: TestContext): Promise<Arena> {
    const arena = new Arena(t, await ScriptedApiServer.listen());
    t.after(() => arena.server.close());
    return arena;
  }

  get holder(): string | undefined {
    return this.lease?.spec?.holderIdentity;
  }

  /** Returns when its first try is over. */
  async enter(identity: string, dateOffsetMs = 0): Promise<Candidate> {
    const clock = new FakeClock(Date.UTC(2030, 0, 1) + dateOffsetMs);
    const client = new ApiClient({ access: this.server.access({}, clock), version: identity, clock });
    const story: string[] = [];
    const election = new LeaderElection({
      client,
      namespace: 'sluice',
      name: 'leader',
      identity,
      onLeading: () => story.push('leading'),
      onLost: () => story.push('lost'),
      onLeader: (leader) => story.push(leader === '' ? 'nobody' : leader),
      logger: SILENT_LOGGER,
      clock,
      random: () => 0,
    });
    this.#t.after(async () => {
      await election.stop();
      client.close();
    });
    election.start();
    const isOver = async (): Promise<void> => {
      await clock.untilWaiting(1, RETRY_PERIOD_MS / 2);
    };
    await isOver();
    const tryAgain = async (): Promise<void> => {
      clock.advance(RETRY_PERIOD_MS / 2);
      await isOver();
    };
    return { clock, election, story, tryAgain };
  }
}

describe('leader election', () => {
  test('the first one leads and goes on, the second one waits', async (t) => {
    const arena = await Arena.open(t);
    const one = await arena.enter('one');
    const two = await arena.enter('two');
    for (let second = 0; second < 60; second++) {
      await one.tryAgain();
      await two.tryAgain();
    }
    assert.deepEqual(one.story, ['one', 'leading']);
    assert.deepEqual(two.story, ['one']);
    assert.deepEqual([one.election.isLeading, two.election.isLeading], [true, false]);
    assert.equal(two.election.leader, 'one');
    assert.deepEqual(arena.lease?.spec, {
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: '2030-01-01T00:00:00.000000Z',
      renewTime: '2030-01-01T00:01:00.000000Z',
      leaseTransitions: 0,
    });
  });

  test('a leader that cannot renew steps down before another one takes over', async (t) => {
    const arena = await Arena.open(t);
    const one = await arena.enter('one');
    const two = await arena.enter('two');
    arena.silenced.add('one');
    one.clock.advance(RENEW_DEADLINE_MS - 1);
    assert.equal(one.election.isLeading, true);
    one.clock.advance(1);
    assert.deepEqual(one.story, ['one', 'leading', 'lost']);
    for (let ms = 0; ms < LEASE_DURATION_MS; ms += RETRY_PERIOD_MS / 2) {
      assert.equal(two.election.isLeading, false);
      await two.tryAgain();
    }
    assert.deepEqual(two.story, ['one', 'two', 'leading']);
    assert.equal(arena.lease?.spec?.leaseTransitions, 1);
  });

  for (const [how, offsetMs] of [
    ['a year ahead', YEAR_MS],
    ['a year behind', -YEAR_MS],
  ] as const) {
    test(`a clock that is ${how} changes nothing`, async (t) => {
      const arena = await Arena.open(t);
      const one = await arena.enter('one');
      const two = await arena.enter('two', offsetMs);
      for (let second = 0; second < 40; second++) {
        await one.tryAgain();
        await two.tryAgain();
      }
      assert.deepEqual(two.story, ['one']);
      assert.equal(one.election.isLeading, true);
    });
  }

  test('of two at once the server lets one win', async (t) => {
    const arena = await Arena.open(t);
    const candidates = await Promise.all([arena.enter('one'), arena.enter('two'), arena.enter('three')]);
    assert.equal(candidates.filter(({ election }) => election.isLeading).length, 1);
    for (const candidate of candidates) await candidate.tryAgain();
    assert.deepEqual(new Set(candidates.map(({ election }) => election.leader)), new Set([arena.holder]));
  });

  test('who stops gives the lease back, after he has ended what leaders do', async (t) => {
    const arena = await Arena.open(t);
    const one = await arena.enter('one');
    const two = await arena.enter('two');
    await one.election.stop();
    assert.deepEqual(one.story, ['one', 'leading', 'lost']);
    assert.equal(arena.holder, '');
    await two.tryAgain();
    assert.deepEqual(two.story, ['one', 'nobody', 'two', 'leading']);
  });

  test('who stops without leading touches nothing', async (t) => {
    const arena = await Arena.open(t);
    await arena.enter('one');
    const two = await arena.enter('two');
    const before = arena.lease;
    await two.election.stop();
    assert.equal(arena.lease, before);
  });

  test('a lease that another one took is lost at once', async (t) => {
    const arena = await Arena.open(t);
    const one = await arena.enter('one');
    const { lease } = arena;
    assert.ok(lease);
    arena.lease = {
      ...lease,
      metadata: { ...lease.metadata, resourceVersion: '77' },
      spec: { ...lease.spec, holderIdentity: 'thief' },
    };
    await one.tryAgain();
    assert.deepEqual(one.story, ['one', 'leading', 'thief', 'lost']);
  });

  test('a process that was held up does not take itself for the leader', async (t) => {
    const arena = await Arena.open(t);
    const one = await arena.enter('one');
    // As a stopped process: time passes, timers do not.
    one.clock.nowMs = (): number => RENEW_DEADLINE_MS;
    assert.equal(one.election.isLeading, false);
  });

  test('a lease that someone deletes is made anew', async (t) => {
    const arena = await Arena.open(t);
    const one = await arena.enter('one');
    arena.lease = undefined;
    await one.tryAgain();
    assert.equal(arena.holder, 'one');
    assert.equal(one.election.isLeading, true);
  });
});
