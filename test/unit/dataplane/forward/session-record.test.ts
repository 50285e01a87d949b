import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordSession } from '../../../../src/dataplane/forward/session-record.ts';
import type { FinishedSession } from '../../../../src/dataplane/forward/session-record.ts';
import { ACCESS_LOG_FIELDS, createAccessLog } from '../../../../src/observability/access-log.ts';
import { Metrics } from '../../../../src/observability/metric-names.ts';
import { bindSessionCells } from '../../../../src/observability/traffic-cells.ts';
import { MemorySink } from '../../observability/memory-sink.ts';

const cells = bindSessionCells(new Metrics(), 'infra/public/tls', 'shop/db');
const TARGET = { listener: 'infra/public/tls', route: 'shop/db', backend: 'shop/db:5432', cluster: 'cluster/x', cells };

function line(session: Partial<FinishedSession>): Readonly<Record<string, unknown>> {
  const sink = new MemorySink();
  recordSession(
    {
      client: { protocol: 'TLS', remoteAddress: '192.0.2.1', serverName: 'db.example', tlsVersion: 'TLSv1.3' },
      target: TARGET,
      startMs: performance.now() - 5,
      endpoint: '10.0.0.1:5432',
      tries: 2,
      bytesReceived: 10,
      bytesSent: 20,
      failure: undefined,
      ...session,
    },
    createAccessLog({ fields: ACCESS_LOG_FIELDS, sink }),
  );
  const [parsed = {}] = sink.parsed();
  return parsed;
}

test('a session is one line, with what it has in common with requests', () => {
  const { time, durationMs, ...rest } = line({});
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 5_000);
  assert.ok(Number(durationMs) >= 5);
  assert.deepEqual(rest, {
    host: 'db.example',
    protocol: 'TLS',
    listener: 'infra/public/tls',
    route: 'shop/db',
    backend: 'shop/db:5432',
    endpoint: '10.0.0.1:5432',
    remoteAddress: '192.0.2.1',
    bytesReceived: 10,
    bytesSent: 20,
    attempts: 2,
    tlsVersion: 'TLSv1.3',
    serverName: 'db.example',
  });
});

test('a failure is a flag, and counted as one', () => {
  const before = cells.sessions.value;
  const { flag, endpoint } = line({ failure: 'upstream_connect_failed', endpoint: undefined });
  assert.deepEqual([flag, endpoint], ['UF', undefined]);
  assert.equal(cells.sessions.value, before + 1);
  assert.equal(cells.flaggedSessions.value('UF'), 1);
});

test('what was carried is counted', () => {
  const [received, sent] = [cells.receivedBytes.value, cells.sentBytes.value];
  line({ bytesReceived: 3, bytesSent: 4 });
  assert.deepEqual([cells.receivedBytes.value - received, cells.sentBytes.value - sent], [3, 4]);
});
