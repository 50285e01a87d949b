// A gateway that has run out of file descriptors: those who are connected are served as before, it says so, and it accepts again as soon as
// there are some.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { findCommand } from '../requirements.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { ADDRESS, ANY_200, Client, Traffic } from '../system/traffic.ts';
import { Http2Client } from './http2-client.ts';
import { TrafficUpstream } from './traffic-upstream.ts';

/** Beyond what it has open when it serves. */
const FREE_DESCRIPTORS = 40;
const INTRUDERS = 120;
const SHORTAGE_MS = 1_500;
const TIMEOUT_MS = 60_000;

test('no descriptor is left', { timeout: TIMEOUT_MS }, async (t) => {
  const directory = new TemporaryDirectory(t);
  const upstream = await TrafficUpstream.start(t, 'upstream');
  const port = await freePort();
  directory.write({
    'manifests/all.yaml': documents(
      gateway({ name: 'http', port }),
      route('all', { backend: 'all' }),
      backend('all', upstream.port),
    ),
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'));
  const target = { port, path: '/?delayMs=5' };
  const common = { target, fresh: 0, judge: ANY_200 };
  const http2 = new Http2Client(target, true);
  const traffics = [
    new Traffic(t, { ...common, keepAlive: 4 }),
    new Traffic(t, { ...common, keepAlive: 4, open: () => http2 }),
  ];
  const goOn = async (): Promise<void> => {
    await Promise.all(traffics.map((traffic) => traffic.untilMore(100)));
  };
  await goOn();

  const limit = sluice.descriptorCount() + FREE_DESCRIPTORS;
  execFileSync(findCommand('prlimit') ?? 'prlimit', [
    `--pid=${sluice.process.child.pid}`,
    `--nofile=${limit}:${limit}`,
  ]);
  const intruders: Socket[] = [];
  t.after(() => intruders.forEach((socket) => socket.destroy()));
  const cpuMs = async (): Promise<number> => (await sluice.metrics()).sum('sluice_process_cpu_seconds_total') * 1000;
  console.log(await cpuMs());
  for (let count = 0; count < INTRUDERS; count++) {
    const socket = connect(port, ADDRESS);
    socket.on('error', () => {}).on('close', () => {});
    intruders.push(socket);
  }
  for (let i = 0; i < 5; i++) { await delay(SHORTAGE_MS / 5); console.log(sluice.descriptorCount(), limit, intruders.filter((s) => s.destroyed || s.readableEnded).length, traffics.map(String)); }
  await goOn();
  for (const socket of intruders) socket.destroy();
  await delay(300);
  const client = new Client({ port }, false);
  const answer = await client.ask();
  console.log(answer.status, sluice.descriptorCount(), await cpuMs());
  await Promise.all(traffics.map((traffic) => traffic.stop()));
  t.diagnostic(traffics.map(String).join('\n'));
  console.log(sluice.process.errors.slice(-3000), sluice.process.errors.length);
  console.log((await sluice.metrics()).sum('sluice_connection_overflows_total'));
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
});
