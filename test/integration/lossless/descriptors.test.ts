// A gateway that runs out of file descriptors: who is connected is served as before, it says so, and it accepts again as soon as there are
// some.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { ADDRESS, ANY_200, Client, Traffic } from '../system/traffic.ts';
import { EventStreamClient } from './event-stream-client.ts';
import { Http2Client } from './http2-client.ts';
import { TrafficUpstream } from './traffic-upstream.ts';
import { WebSocketClient } from './websocket-client.ts';

const MAX_DESCRIPTORS = 128;
/** In each wave; more than there are descriptors for. */
const INTRUDERS = 150;
const WAVES = 8;
const WAVE_INTERVAL_MS = 150;
const TIMEOUT_MS = 60_000;

test('no descriptor is left', { timeout: TIMEOUT_MS }, async (t) => {
  const directory = new TemporaryDirectory(t);
  const upstream = await TrafficUpstream.start(t, 'upstream');
  const port = await freePort();
  const manifests = (pathOfOther: string): string =>
    documents(
      gateway({ name: 'http', port }),
      route('all', { backend: 'all' }),
      route('other', { path: pathOfOther, backend: 'missing' }),
      backend('all', upstream.port),
    );
  directory.write({ 'manifests/all.yaml': manifests('/before') });
  const sluice = await SystemGateway.start(t, directory.at('manifests'), { maxDescriptors: MAX_DESCRIPTORS });
  const common = { keepAlive: 4, fresh: 0, judge: ANY_200 };
  const http2 = new Http2Client({ port, path: '/?delayMs=50' }, true);
  const traffics = [
    new Traffic(t, { ...common, target: { port }, open: () => http2 }),
    new Traffic(t, {
      ...common,
      target: { port },
      open: (target, keepAlive) => new WebSocketClient(target, keepAlive),
      intervalMs: 20,
    }),
    new Traffic(t, {
      ...common,
      target: { port, path: '/events' },
      open: (target, keepAlive) => new EventStreamClient(target, keepAlive),
    }),
  ];
  const goOn = async (): Promise<void> => {
    await Promise.all(traffics.map((traffic) => traffic.untilMore(50)));
  };
  await goOn();
  const held = Array.from({ length: 4 }, () => new Client({ port, path: '/held' }, true).ask());
  await upstream.untilHeld(held.length);

  const before = traffics.reduce((sum, { completed }) => sum + completed, 0);
  const intruders: Socket[] = [];
  const closes: Promise<unknown>[] = [];
  t.after(() => intruders.forEach((socket) => socket.destroy()));
  let mostDescriptors = 0;
  for (let wave = 0; wave < WAVES; wave++) {
    for (let count = 0; count < INTRUDERS; count++) {
      // They say nothing.
      const socket = connect(port, ADDRESS).on('error', () => {});
      intruders.push(socket);
      closes.push(once(socket.resume(), 'close'));
    }
    await delay(WAVE_INTERVAL_MS);
    mostDescriptors = Math.max(mostDescriptors, sluice.descriptorCount());
  }
  await sluice.process.untilErrors(/"level":"warn".*"step":"refuse_connections","resource":"connections"/);
  await goOn();
  const served = traffics.reduce((sum, { completed }) => sum + completed, 0) - before;

  upstream.release();
  const answers = await Promise.all(held);
  assert.ok(answers.every(({ status }) => status === 200));

  for (const socket of intruders) socket.destroy();
  await Promise.all(closes);
  await sluice.process.untilErrors(/"step":"none"/);
  const { status } = await new Client({ port }, false).ask();
  assert.equal(status, 200, 'it accepts again');
  const overflows = (await sluice.metrics()).sum('sluice_connection_overflows_total');
  directory.replace('manifests/all.yaml', manifests('/after'));
  await sluice.untilConfigVersion(2);
  for (const traffic of traffics) await traffic.stop();

  t.diagnostic(
    `${WAVES * INTRUDERS} connections fell into the traffic, ${mostDescriptors} of ${MAX_DESCRIPTORS} descriptors in use, ` +
      `${overflows} refused; ${served} answers meanwhile; ${held.length} requests of HTTP/1.1; HTTP/2: ${String(traffics[0])}; ` +
      `WebSocket: ${String(traffics[1])}; events: ${String(traffics[2])}`,
  );
  assert.ok(mostDescriptors > MAX_DESCRIPTORS - 10);
  assert.ok(overflows > 0);
  for (const traffic of traffics) assert.equal(traffic.failed, 0, String(traffic));
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:error|fatal)"/);
});
