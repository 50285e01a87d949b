import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../../../src/kubernetes/api-error.ts';
import {
  MAX_CONCURRENT_WRITES,
  MAX_INTERVAL_MS,
  MAX_RETRY_MS,
  MIN_INTERVAL_MS,
} from '../../../../src/provider/kubernetes/status-writer.ts';
import { foreignParent, keyOf, messageOf, ownParent, StatusServer, statusesOf, storedParent } from './status-server.ts';

/** With a writer that leads. */
function start(): StatusServer {
  const server = new StatusServer();
  server.writer.lead(true);
  return server;
}

describe('a writer of statuses', () => {
  test('writes once what is new, at once, and takes its own echo for no change', async () => {
    const server = start();
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass();
    assert.equal(messageOf(server.status('a')), 'one');
    await server.pass(5_000);
    server.catchUp();
    await server.pass(5_000);
    assert.deepEqual([server.attempts, server.clock.delays], [1, []]);
  });

  test('does not write what is there already', async () => {
    const server = start();
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(1_000);
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(1_000);
    assert.equal(server.attempts, 1);
  });

  test('an object whose event comes after its status is written when it comes', async () => {
    const server = start();
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(1_000);
    assert.equal(server.attempts, 0);
    server.put('a');
    await server.pass();
    assert.equal(messageOf(server.status('a')), 'one');
  });

  test('paces an object that keeps changing, and ends with the last state soon', async () => {
    const server = start();
    server.put('a');
    for (let change = 0; change <= 200; change++) {
      server.writer.replace(statusesOf({ a: `${change}` }));
      await server.pass(50);
    }
    await server.pass(MAX_INTERVAL_MS);
    assert.equal(messageOf(server.status('a')), '200');
    const gaps = server.writes.slice(1).map(({ atMs }, index) => atMs - (server.writes[index]?.atMs ?? 0));
    assert.ok(Math.min(...gaps) >= MIN_INTERVAL_MS, `${Math.min(...gaps)} ms`);
    assert.ok(Math.max(...gaps) <= MAX_INTERVAL_MS + 50, `${Math.max(...gaps)} ms`);
    assert.ok(server.writes.length <= 14, `${server.writes.length} writes in 10 s`);
  });

  test('one object that is paced keeps no other waiting', async () => {
    const server = start();
    server.put('a');
    server.put('b');
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass();
    server.writer.replace(statusesOf({ a: 'two', b: 'one' }));
    await server.pass();
    assert.deepEqual(
      server.writes.map(({ name }) => name),
      ['a', 'b'],
    );
  });

  test('a few writes at a time, and all of them in the end', async () => {
    const server = start();
    const names = Array.from({ length: 100 }, (_, index) => `r${index}`);
    for (const name of names) server.put(name);
    server.writer.replace(statusesOf(Object.fromEntries(names.map((name) => [name, 'one']))));
    await server.pass(1_000);
    assert.equal(server.mostInFlight, MAX_CONCURRENT_WRITES);
    assert.equal(new Set(server.writes.map(({ name }) => name)).size, 100);
    assert.equal(server.attempts, 100);
  });

  test('never the status of an older generation', async () => {
    const server = start();
    server.put('a', { generation: 2 });
    server.writer.replace(statusesOf({ a: 'old' }, { generation: 1 }));
    await server.pass(1_000);
    assert.equal(server.attempts, 0);
    server.writer.replace(statusesOf({ a: 'new' }, { generation: 2 }));
    await server.pass();
    assert.equal(messageOf(server.status('a')), 'new');
  });

  test('never the status of a deleted object over another one of its name', async () => {
    const server = start();
    server.put('a', { uid: 'u1' });
    server.writer.replace(statusesOf({ a: 'first' }, { uid: 'u1' }));
    await server.pass(1_000);
    server.delete('a');
    server.put('a', { uid: 'u2', status: {} });
    await server.pass(1_000);
    assert.equal(server.attempts, 1);
    server.writer.replace(statusesOf({ a: 'second' }, { uid: 'u2' }));
    await server.pass();
    assert.equal(messageOf(server.status('a')), 'second');
  });

  test('an object restored with the status of a newer generation gets its own', async () => {
    const server = start();
    server.put('a', { status: { parents: [ownParent('restored', 7)] } });
    server.writer.replace(statusesOf({ a: 'now' }));
    await server.pass();
    assert.equal(messageOf(server.status('a')), 'now');
  });

  test('before it is known what should be, nothing is taken away', async () => {
    const server = start();
    server.put('a', { status: { parents: [storedParent('of the time before')] } });
    await server.pass(1_000);
    assert.equal(server.attempts, 0);
    server.writer.replace(statusesOf({ a: 'of the time before' }));
    await server.pass(1_000);
    server.put('b', { status: { parents: [ownParent('no more'), foreignParent('still')] } });
    await server.pass(1_000);
    assert.deepEqual(
      server.writes.map(({ name }) => name),
      ['b'],
    );
    assert.deepEqual(server.status('b'), { parents: [foreignParent('still')] });
  });

  test('nothing while it does not lead; all that differs when it does, and what should go too', async () => {
    const server = new StatusServer();
    server.put('a');
    server.put('b', { status: { parents: [ownParent('no more')] } });
    server.put('c', { status: { parents: [foreignParent('mine')] } });
    server.writer.replace(statusesOf({ a: 'one' }));
    server.writer.replace(statusesOf({ a: 'two' }));
    await server.pass(1_000);
    assert.equal(server.attempts, 0);
    server.writer.lead(true);
    await server.pass(1_000);
    assert.deepEqual(
      server.writes.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(messageOf(server.status('a')), 'two');
    assert.deepEqual(server.status('b'), { parents: [] });
  });

  test('who leads no more writes no more: not what waits, not what rests, and what is on its way is given up', async () => {
    const server = start();
    const names = Array.from({ length: 20 }, (_, index) => `r${index}`);
    for (const name of names) server.put(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.gate = promise;
    server.writer.replace(statusesOf(Object.fromEntries(names.map((name) => [name, 'one']))));
    await server.pass();
    assert.equal(server.inFlight, MAX_CONCURRENT_WRITES);
    server.writer.lead(false);
    await server.pass();
    assert.equal(server.inFlight, 0);
    resolve();
    await server.pass(60_000, 1_000);
    assert.deepEqual([server.attempts, server.writes, server.clock.delays], [MAX_CONCURRENT_WRITES, [], []]);
    server.writer.lead(true);
    await server.pass(1_000);
    assert.equal(server.writes.length, 20);
  });

  test('after a write over what is no longer there, it starts from what is', async () => {
    const server = start();
    server.put('a');
    server.isWatched = false;
    server.put('a', { status: { parents: [foreignParent('quicker')] } });
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass();
    assert.deepEqual([server.attempts, server.writes.length], [1, 0]);
    server.catchUp();
    await server.pass(MIN_INTERVAL_MS);
    assert.deepEqual([server.attempts, server.writes.length], [2, 1]);
    assert.equal((server.status('a')?.['parents'] as unknown[] | undefined)?.length, 2);
  });

  test('a watch that does not catch up costs a write a second, no more', async () => {
    const server = start();
    server.put('a');
    server.isWatched = false;
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(10_000);
    assert.ok(server.attempts >= 8 && server.attempts <= 13, `${server.attempts}`);
    server.catchUp();
    await server.pass(MAX_INTERVAL_MS);
    assert.equal(messageOf(server.status('a')), 'one');
  });

  test('an object that is deleted while its status is on the way is forgotten', async () => {
    const server = start();
    server.put('a');
    const { promise, resolve } = Promise.withResolvers<void>();
    server.gate = promise;
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass();
    server.delete('a');
    resolve();
    await server.pass(60_000, 1_000);
    assert.deepEqual([server.attempts, server.clock.delays, server.warnings], [1, [], []]);
  });

  test('a write that fails is tried again, ever more rarely, and told of once in a while', async () => {
    const server = start();
    server.put('a');
    server.refusal = new ApiError('status', 'invalid', { status: 422 });
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(600_000, 250);
    assert.ok(server.attempts >= 20 && server.attempts <= 30, `${server.attempts} in 10 min`);
    assert.ok(
      server.warnings.length <= server.attempts - 3 && server.warnings.length >= 10,
      `${server.warnings.length}`,
    );
    server.refusal = undefined;
    await server.pass(MAX_RETRY_MS, 250);
    assert.equal(messageOf(server.status('a')), 'one');
  });

  test('another status need not wait for the time after a failure', async () => {
    const server = start();
    server.put('a');
    server.refusal = new ApiError('status', 'invalid', { status: 422 });
    server.writer.replace(statusesOf({ a: 'bad' }));
    await server.pass(120_000, 250);
    server.refusal = undefined;
    server.writer.replace(statusesOf({ a: 'good' }));
    await server.pass(MAX_INTERVAL_MS);
    assert.equal(messageOf(server.status('a')), 'good');
  });

  test('an API server that asks for patience gets it', async () => {
    const server = start();
    server.put('a');
    server.refusal = new ApiError('status', 'busy', { status: 429, retryAfterMs: 5_000 });
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass();
    server.refusal = undefined;
    await server.pass(4_950);
    assert.equal(server.attempts, 1);
    await server.pass(50);
    assert.equal(messageOf(server.status('a')), 'one');
  });

  test('hundreds of failing objects are a line in ten seconds', async () => {
    const server = start();
    const names = Array.from({ length: 300 }, (_, index) => `r${index}`);
    for (const name of names) server.put(name);
    server.refusal = new ApiError('unreachable', 'gone');
    server.writer.replace(statusesOf(Object.fromEntries(names.map((name) => [name, 'one']))));
    await server.pass(60_000, 250);
    assert.ok(server.warnings.length <= 6, `${server.warnings.length}`);
  });

  test('what somebody else changed is mended, once', async () => {
    const server = start();
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(5_000);
    server.put('a', { status: { parents: [ownParent('forged'), foreignParent('mine')] } });
    await server.pass(5_000);
    assert.deepEqual([server.attempts, messageOf(server.status('a'))], [2, 'one']);
  });

  test('a war is no busy one, and the next own change is not its victim', async () => {
    const server = start();
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    for (let ms = 0; ms < 300_000; ms += 250) {
      await server.pass(250);
      if (messageOf(server.status('a')) === 'one') server.put('a', { status: { parents: [ownParent('forged')] } });
    }
    assert.ok(server.attempts <= 20, `${server.attempts} in 5 min`);
    assert.match(server.warnings.join(), /somebody else/);
    server.writer.replace(statusesOf({ a: 'two' }));
    await server.pass(MAX_INTERVAL_MS);
    assert.equal(messageOf(server.status('a')), 'two');
  });

  test('what the API server does not keep is not written again', async () => {
    const server = start();
    server.store = (status) => ({
      parents: (status['parents'] as Record<string, unknown>[]).map((parent) => ({ ...parent, extra: 'default' })),
    });
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    await server.pass(60_000, 250);
    assert.equal(server.attempts, 1);
    assert.match(server.warnings.join(), /otherwise than it was written/);
    // Something new is.
    server.writer.replace(statusesOf({ a: 'two' }));
    await server.pass(60_000, 250);
    assert.deepEqual([server.attempts, messageOf(server.status('a'))], [2, 'two']);
    // And what somebody else changed, too.
    server.put('a', { status: { parents: [ownParent('forged')] } });
    await server.pass(60_000, 250);
    assert.deepEqual([server.attempts, messageOf(server.status('a'))], [3, 'two']);
  });

  test('when it is stopped nothing is left', async () => {
    const server = start();
    server.put('a');
    server.writer.replace(statusesOf({ a: 'one' }));
    server.writer.stop();
    server.writer.replace(statusesOf({ a: 'two' }));
    server.writer.onLive(keyOf('a'));
    await server.pass();
    assert.deepEqual([server.writes, server.clock.delays], [[], []]);
  });
});
