// Changes of the configuration while clients loop without pause: nobody ever gets anything but an answer of the old or the new.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { cluster, listener, route, VIRTUAL_HOST, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { Resource } from '../../../src/ir/ir.ts';

const CLIENTS = 4;
const APPLIES = 240;

interface Tally {
  attempted: number;
  completed: number;
  /** Why a request was not answered with 200 by one of the upstreams. */
  readonly failures: string[];
  readonly byAnswer: Map<string, number>;
  connections: number;
}

/** A client with one kept connection and no retries of its own, until the signal. */
async function loop(gateway: RunningEngine, tally: Tally, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { address, port } = gateway.address();
  for (let i = 0; !signal.aborted; i++) {
    tally.attempted++;
    const outgoing = httpRequest({ host: address, port, agent, path: `/x/${i}`, method: i % 4 === 3 ? 'POST' : 'GET' });
    const closed = once(outgoing, 'close');
    try {
      const answered = once(outgoing, 'response');
      outgoing.end(i % 4 === 3 ? 'body' : undefined);
      const [answer] = (await answered) as [IncomingMessage];
      const body = await text(answer);
      await closed;
      if (!outgoing.reusedSocket) tally.connections++;
      if (answer.statusCode !== 200) tally.failures.push(`${answer.statusCode} ${body}`);
      else tally.byAnswer.set(body, (tally.byAnswer.get(body) ?? 0) + 1);
      tally.completed++;
    } catch (error) {
      tally.failures.push(String(error));
    }
  }
  agent.destroy();
}

async function named(bed: TestBed, name: string): Promise<number> {
  return await bed.server((socket) => {
    socket.on('data', (chunk) => {
      // Heads and bodies of these requests come in one piece each; a POST may come in two.
      if (chunk.includes('\r\n\r\n')) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`);
    });
    socket.on('end', () => socket.end());
  });
}

describe('applies under load', { timeout: 30_000 }, () => {
  test('flips of a route, its backends, other routes and other listeners: every answer is 200', async (t) => {
    const bed = new TestBed(t);
    const [a, b] = [await named(bed, 'a'), await named(bed, 'b')];
    const otherHost = virtualHost({ name: 'test/gateway/other' });

    const configuration = (step: number): Resource[] => {
      const target = step % 2 === 0 ? 'a' : 'b';
      const resources: Resource[] = [listener(), route('main', [{ path: '/x', backends: [target] }])];
      // The cluster that is not used comes and goes too, and how the used one is connected to changes.
      if (target === 'a' || step % 3 > 0) {
        resources.push(cluster('a', [a], step % 5 === 0 ? { idleTimeoutMs: 10_000 + step } : {}));
      }
      if (target === 'b' || step % 3 > 0) resources.push(cluster('b', step % 7 === 0 ? [b, b] : [b]));
      for (let i = 0; i < step % 4; i++)
        resources.push(route(`other-${i}`, [{ path: `/other/${step}`, backends: ['a'] }]));
      if (step % 6 > 2) resources.push(listener({ key: 'listener/other', virtualHosts: [otherHost] }));
      return resources;
    };

    const gateway = await bed.engine(configuration(0));
    const { port } = gateway.address();
    const tally: Tally = { attempted: 0, completed: 0, failures: [], byAnswer: new Map(), connections: 0 };
    const stop = new AbortController();
    const clients = Array.from({ length: CLIENTS }, () => loop(gateway, tally, stop.signal));
    for (let step = 1; step <= APPLIES; step++) {
      await gateway.apply(...configuration(step));
      // Requests of all clients are completed under each configuration.
      const enough = tally.completed + 2 * CLIENTS;
      while (tally.completed < enough) await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort();
    await Promise.all(clients);

    const failed = tally.attempted - tally.completed + tally.failures.length;
    t.diagnostic(
      `${APPLIES} applies; attempted ${tally.attempted}, completed ${tally.completed}, failed ${failed}; ` +
        `${JSON.stringify(Object.fromEntries(tally.byAnswer))}; client retries off`,
    );
    assert.deepEqual(tally.failures, []);
    assert.equal(tally.completed, tally.attempted);
    assert.ok(tally.completed >= 2 * CLIENTS * APPLIES, 'requests were completed between all applies');
    assert.deepEqual([...tally.byAnswer.keys()].toSorted(), ['a', 'b']);
    assert.ok(Math.min(...tally.byAnswer.values()) > tally.completed / 4, 'both configurations served');
    assert.equal(gateway.loggedCount, tally.attempted, 'each request is logged once');
    const cells = { listener: VIRTUAL_HOST, route: 'test/main' };
    assert.equal(gateway.metrics.activeRequests.cell(cells).value, 0);
    assert.equal(tally.connections, CLIENTS, 'no connection of a client was closed');
    assert.equal(gateway.address().port, port, 'nor the listener');
  });
});
