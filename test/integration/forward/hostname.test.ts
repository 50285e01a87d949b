// Endpoints that are named: resolved beside the data path, followed when their addresses change, kept when they can't be resolved.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, mock, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { Resource } from '../../../src/ir/ir.ts';

const REFRESH_MS = 30_000;
const RETRY_MS = 2_000;

/** Names and their addresses, as a test changes them. */
class Names {
  readonly asked: string[] = [];
  readonly failures: string[] = [];
  readonly addresses: Map<string, readonly string[] | Error> = new Map();

  readonly resolve = (hostname: string): Promise<readonly string[]> => {
    this.asked.push(hostname);
    const found = this.addresses.get(hostname) ?? new Error('not found');
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  };

  readonly onResolveFailure = (hostname: string): void => {
    this.failures.push(hostname);
  };
}

function resources(port: number, hostname = 'up.example'): Resource[] {
  return [listener(), cluster('a', [{ kind: 'fqdn', hostname, port }]), route('r', [{ backends: ['a'] }])];
}

async function ask(bed: TestBed, gateway: RunningEngine): Promise<number> {
  const client = await bed.client(gateway);
  return statusOf((await client.send(request('GET /')).untilResponses(1))[0] ?? assert.fail());
}

// The bound of waiting is a timer, and those are mocked.
describe('hostname endpoints', { timeout: 10_000 }, () => {
  test('each address is an endpoint; a change is followed at the next look', async (t) => {
    const bed = new TestBed(t);
    const requests = new Map<string, number>();
    const ended: string[] = [];
    const connections: string[] = [];
    const answer = (socket: Socket): void => {
      const { localAddress = '' } = socket;
      connections.push(localAddress);
      socket.on('data', () => {
        requests.set(localAddress, (requests.get(localAddress) ?? 0) + 1);
        socket.write(okResponse(1));
      });
      socket.on('end', () => ended.push(localAddress));
    };
    const port = await bed.server(answer, '127.0.0.2');
    await bed.server(answer, '127.0.0.3', port);
    const names = new Names();
    names.addresses.set('up.example', ['127.0.0.2']);
    mock.timers.enable({ apis: ['setTimeout'] });
    bed.atEnd(() => mock.timers.reset());
    const gateway = await bed.engine(resources(port), names);
    for (let i = 0; i < 3; i++) assert.equal(await ask(bed, gateway), 200);
    assert.deepEqual([...requests], [['127.0.0.2', 3]]);
    assert.deepEqual(names.asked, ['up.example'], 'not on the data path');

    names.addresses.set('up.example', ['127.0.0.2', '127.0.0.3']);
    mock.timers.tick(REFRESH_MS);
    await settled();
    for (let i = 0; i < 4; i++) assert.equal(await ask(bed, gateway), 200);
    assert.deepEqual(
      [...requests],
      [
        ['127.0.0.2', 5],
        ['127.0.0.3', 2],
      ],
    );
    assert.deepEqual(connections, ['127.0.0.2', '127.0.0.3'], 'the address that stayed keeps its connection');

    names.addresses.set('up.example', ['127.0.0.3']);
    mock.timers.tick(REFRESH_MS);
    await settled();
    for (let i = 0; i < 3; i++) assert.equal(await ask(bed, gateway), 200);
    assert.equal(requests.get('127.0.0.3'), 5);
    assert.deepEqual(ended, ['127.0.0.2']);
  });

  test('a failure keeps the last addresses, is reported, and is tried again soon', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const names = new Names();
    names.addresses.set('up.example', ['127.0.0.1']);
    mock.timers.enable({ apis: ['setTimeout'] });
    bed.atEnd(() => mock.timers.reset());
    const gateway = await bed.engine(resources(upstream.port), names);
    assert.equal(await ask(bed, gateway), 200);
    names.addresses.set('up.example', new Error('SERVFAIL'));
    mock.timers.tick(REFRESH_MS);
    await settled();
    assert.deepEqual(names.failures, ['up.example']);
    assert.equal(await ask(bed, gateway), 200);
    assert.equal(upstream.connections.size, 1);
    mock.timers.tick(RETRY_MS);
    await settled();
    assert.equal(names.asked.length, 3);
    assert.equal(await ask(bed, gateway), 200);
  });

  test('a name that was never resolved has no endpoints: 503, until it is', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const names = new Names();
    mock.timers.enable({ apis: ['setTimeout'] });
    bed.atEnd(() => mock.timers.reset());
    const gateway = await bed.engine(resources(upstream.port), names);
    assert.equal(await ask(bed, gateway), 503);
    assert.equal((await gateway.logged()).flag, 'UH');
    names.addresses.set('up.example', ['127.0.0.1']);
    mock.timers.tick(RETRY_MS);
    await settled();
    assert.equal(await ask(bed, gateway), 200);
  });

  test('a resolver that takes its time holds an apply up no longer than it must, and loses nothing', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    mock.timers.enable({ apis: ['setTimeout'] });
    bed.atEnd(() => mock.timers.reset());
    const gateway = await bed.engine([], { resolve: () => promise });
    const applied = gateway.apply(...resources(upstream.port));
    await settled();
    mock.timers.tick(RETRY_MS);
    await applied;
    assert.equal(await ask(bed, gateway), 503);
    resolve(['127.0.0.1']);
    await settled();
    assert.equal(await ask(bed, gateway), 200);
  });

  test('an apply that fails does not stop what is served from being followed', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const names = new Names();
    names.addresses.set('up.example', ['127.0.0.9']);
    mock.timers.enable({ apis: ['setTimeout'] });
    bed.atEnd(() => mock.timers.reset());
    const gateway = await bed.engine(resources(upstream.port), names);
    assert.equal(await ask(bed, gateway), 503);
    const secure = listener({
      key: 'listener/b',
      protocol: 'TLS',
      virtualHosts: [virtualHost({ name: 'test/tls', certificates: ['certificate/test/bad'] })],
    });
    const bad = certificate('bad', { chain: 'no PEM', key: 'no PEM' });
    await assert.rejects(gateway.tryApply(secure, bad));
    names.addresses.set('up.example', ['127.0.0.1']);
    mock.timers.tick(REFRESH_MS);
    await settled();
    assert.equal(await ask(bed, gateway), 200);
  });

  test('names that leave the configuration are asked for no more', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const names = new Names();
    for (const name of ['one.example', 'two.example']) names.addresses.set(name, ['127.0.0.1']);
    mock.timers.enable({ apis: ['setTimeout'] });
    bed.atEnd(() => mock.timers.reset());
    const gateway = await bed.engine(resources(upstream.port, 'one.example'), names);
    await gateway.apply(...resources(upstream.port, 'two.example'));
    names.asked.length = 0;
    mock.timers.tick(REFRESH_MS);
    await settled();
    assert.deepEqual(names.asked, ['two.example']);
    assert.equal(await ask(bed, gateway), 200);
  });

  test('as the system resolves: localhost', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine(resources(upstream.port, 'localhost'));
    // The name may stand for ::1 too, where nobody listens: then the other address is tried.
    for (let i = 0; i < 4; i++) assert.equal(await ask(bed, gateway), 200);
    assert.equal(upstream.takeRequests().length, 4);
  });
});

/** Promises that are settled by now have run their course. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
