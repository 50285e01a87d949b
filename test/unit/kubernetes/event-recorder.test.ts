// Events say what happened once, count what happens again, and never become a flood.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import {
  COUNT_INTERVAL_MS,
  EventRecorder,
  MAX_EVENTS_PER_OBJECT,
  MAX_WAITING_EVENTS,
  WRITE_BURST,
  WRITES_PER_SECOND,
} from '../../../src/kubernetes/event-recorder.ts';
import type { Occurrence } from '../../../src/kubernetes/event-recorder.ts';
import { SILENT_LOGGER } from '../../../src/observability/process-log.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { ScriptedApiServer } from '../../harness/scripted-api-server.ts';

function occurrence(name: string, note = 'the Secret shop/tls does not exist'): Occurrence {
  return {
    regarding: {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '5' },
    },
    type: 'Warning',
    reason: 'InvalidCertificateRef',
    action: 'Translate',
    note,
  };
}

interface Bench {
  readonly server: ScriptedApiServer;
  readonly clock: FakeClock;
  readonly recorder: EventRecorder;
  /** Waits for so many writes in all. */
  readonly untilWritten: (count: number) => Promise<void>;
}

async function start(t: TestContext): Promise<Bench> {
  const server = await ScriptedApiServer.listen();
  server.script = (request) => request.json({ metadata: {} });
  const clock = new FakeClock();
  const client = server.client({}, clock);
  const options = {
    client,
    controller: 'sluice.dev/gateway-controller',
    instance: 'sluice-1',
    logger: SILENT_LOGGER,
    clock,
  };
  const recorder = new EventRecorder(options);
  t.after(async () => {
    await recorder.stop();
    client.close();
    await server.close();
  });
  const untilWritten = async (count: number): Promise<void> => {
    await server.until(`${count} writes`, () => server.requests.length >= count || undefined);
  };
  return { server, clock, recorder, untilWritten };
}

describe('event recorder', () => {
  test('what an Event says', async (t) => {
    const { server, recorder, untilWritten } = await start(t);
    recorder.record(occurrence('edge', 'é'.repeat(600)));
    await untilWritten(1);
    const [request] = server.requests;
    assert.equal(`${request?.method} ${request?.path}`, 'POST /apis/events.k8s.io/v1/namespaces/shop/events');
    const { metadata, note, ...event } = JSON.parse(request?.body ?? '') as {
      metadata: { name: string };
      note: string;
    };
    assert.match(metadata.name, /^edge\.[0-9a-f]{16}$/);
    assert.ok(Buffer.byteLength(note) <= 1_024);
    assert.deepEqual(event, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: '2030-01-01T00:00:00.000000Z',
      reportingController: 'sluice.dev/gateway-controller',
      reportingInstance: 'sluice-1',
      action: 'Translate',
      reason: 'InvalidCertificateRef',
      type: 'Warning',
      regarding: {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        name: 'edge',
        namespace: 'shop',
        uid: 'uid-edge',
        resourceVersion: '5',
      },
    });
  });

  test('of an object without namespace, and of one with the longest name', async (t) => {
    const { server, recorder, untilWritten } = await start(t);
    recorder.record({
      ...occurrence('x'),
      regarding: { apiVersion: 'v1', kind: 'GatewayClass', metadata: { name: `${'a'.repeat(229)}.${'b'.repeat(23)}` } },
    });
    await untilWritten(1);
    assert.equal(server.requests[0]?.path, '/apis/events.k8s.io/v1/namespaces/default/events');
    const { metadata } = JSON.parse(server.requests[0]?.body ?? '') as { metadata: { name: string } };
    assert.match(metadata.name, /^a{229}\.[0-9a-f]{16}$/);
  });

  test('what happens again is counted, and the count is written at times', async (t) => {
    const { server, clock, recorder, untilWritten } = await start(t);
    for (let time = 0; time < 100; time++) recorder.record(occurrence('edge'));
    await untilWritten(1);
    clock.advance(COUNT_INTERVAL_MS);
    recorder.record(occurrence('edge'));
    recorder.record(occurrence('edge'));
    await untilWritten(2);
    const [create, patch] = server.requests;
    const { metadata } = JSON.parse(create?.body ?? '') as { metadata: { name: string } };
    assert.equal(
      `${patch?.method} ${patch?.path}`,
      `PATCH /apis/events.k8s.io/v1/namespaces/shop/events/${metadata.name}`,
    );
    const { series } = JSON.parse(patch?.body ?? '') as { series: { count: number; lastObservedTime: string } };
    assert.ok(series.count === 101 || series.count === 102);
    assert.equal(series.lastObservedTime, '2030-01-01T00:01:00.000000Z');
  });

  test('an object that is always told something new of is heard only so often', async (t) => {
    const { recorder, clock, untilWritten } = await start(t);
    for (let index = 0; index < 50; index++) recorder.record(occurrence('edge', `note ${index}`));
    assert.equal(recorder.dropped, 50 - MAX_EVENTS_PER_OBJECT);
    await untilWritten(MAX_EVENTS_PER_OBJECT);
    clock.advance(COUNT_INTERVAL_MS);
    recorder.record(occurrence('edge', 'note 50'));
    await untilWritten(MAX_EVENTS_PER_OBJECT + 1);
  });

  test('a burst is written, the rest at a pace, and what is too much is dropped', async (t) => {
    const { server, clock, recorder, untilWritten } = await start(t);
    const count = 2_000;
    for (let index = 0; index < count; index++) recorder.record(occurrence(`edge-${index}`));
    // One is being written already.
    assert.equal(recorder.dropped, count - MAX_WAITING_EVENTS - 1);
    await untilWritten(WRITE_BURST);
    await clock.untilWaiting(1, 1_000 / WRITES_PER_SECOND);
    assert.equal(server.requests.length, WRITE_BURST);
    clock.advance(1_000 / WRITES_PER_SECOND);
    await untilWritten(WRITE_BURST + 1);
  });

  test('a failed write is dropped and no error; when it happens again it is tried again', async (t) => {
    const { server, recorder, untilWritten } = await start(t);
    server.script = (request) => request.refuse(403, 'Forbidden');
    recorder.record(occurrence('edge'));
    await server.until('the drop', () => {
      setImmediate(() => server.conditions.changed());
      return recorder.dropped === 1 || undefined;
    });
    recorder.record(occurrence('edge'));
    await untilWritten(2);
    assert.equal(server.requests[1]?.method, 'POST');
  });
});
