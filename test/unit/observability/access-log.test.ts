import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACCESS_LOG_FIELDS,
  type AccessLogField,
  type AccessLogRecord,
  createAccessLog,
  DEFAULT_ACCESS_LOG_FIELDS,
} from '../../../src/observability/access-log.ts';
import { MemorySink } from './memory-sink.ts';

const FULL: AccessLogRecord = {
  startMs: Date.UTC(2026, 10, 21, 9, 53, 7, 42),
  durationMs: 12.3456,
  method: 'GET',
  host: 'shop.example.com',
  path: '/cart/1',
  query: 'x=1&token=abc',
  protocol: 'HTTP/1.1',
  status: 200,
  grpcStatus: '4',
  flag: 'UT',
  listener: 'infra/public/https',
  route: 'shop/cart',
  rule: '0',
  backend: 'shop/cart:80',
  endpoint: '10.0.0.1:8080',
  remoteAddress: '192.0.2.1',
  bytesReceived: 3,
  bytesSent: 5_000_000_000,
  requestId: 'r-1',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  userAgent: 'curl/8',
  referer: 'https://u:p@example.com/?code=1',
  upstreamDurationMs: 0,
  attempts: 2,
  tlsVersion: 'TLSv1.3',
  serverName: 'shop.example.com',
};

const EMPTY: AccessLogRecord = {
  ...FULL,
  query: undefined,
  grpcStatus: undefined,
  flag: undefined,
  listener: undefined,
  route: undefined,
  rule: undefined,
  backend: undefined,
  endpoint: undefined,
  requestId: undefined,
  traceId: undefined,
  userAgent: undefined,
  referer: undefined,
  upstreamDurationMs: undefined,
  tlsVersion: undefined,
  serverName: undefined,
};

test('a line holds the chosen fields in their order', () => {
  assert.equal(
    lineOf(FULL, ['status', 'path', 'time']),
    '{"status":200,"path":"/cart/1","time":"2026-11-21T09:53:07.042Z"}\n',
  );
});

test('all fields', () => {
  assert.deepEqual(JSON.parse(lineOf(FULL, ACCESS_LOG_FIELDS)), {
    time: '2026-11-21T09:53:07.042Z',
    durationMs: 12.346,
    method: 'GET',
    host: 'shop.example.com',
    path: '/cart/1',
    query: 'x=1&token=[redacted]',
    protocol: 'HTTP/1.1',
    status: 200,
    grpcStatus: '4',
    flag: 'UT',
    listener: 'infra/public/https',
    route: 'shop/cart',
    rule: '0',
    backend: 'shop/cart:80',
    endpoint: '10.0.0.1:8080',
    remoteAddress: '192.0.2.1',
    bytesReceived: 3,
    bytesSent: 5_000_000_000,
    requestId: 'r-1',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    userAgent: 'curl/8',
    referer: 'https://[redacted]@example.com/?code=[redacted]',
    upstreamDurationMs: 0,
    attempts: 2,
    tlsVersion: 'TLSv1.3',
    serverName: 'shop.example.com',
  });
});

test('a field without a value is left out, wherever it stands', () => {
  assert.equal(lineOf(EMPTY, ['flag', 'status', 'query', 'attempts', 'route']), '{"status":200,"attempts":2}\n');
  assert.equal(lineOf(EMPTY, ['flag']), '{}\n');
  assert.equal(lineOf(FULL, []), '{}\n');
  assert.equal(lineOf({ ...FULL, query: '' }, ['query']), '{"query":""}\n');
});

test('the default leaves out what holds more of a client than an operator needs', () => {
  for (const field of ['query', 'referer'] as const) assert.ok(!DEFAULT_ACCESS_LOG_FIELDS.includes(field));
  for (const field of ['time', 'route', 'flag', 'requestId', 'traceId'] as const) {
    assert.ok(DEFAULT_ACCESS_LOG_FIELDS.includes(field));
  }
});

test('times are right around the turn of a second, in any order', () => {
  const times = [0, 999, 1_000, 999.9, 1_001, 1795255199999, 1795255200000, 1795255199999, 86_400_000, 253402300799999];
  const sink = new MemorySink();
  const accessLog = createAccessLog({ fields: ['time'], sink });
  for (const startMs of times) accessLog.log({ ...FULL, startMs });
  assert.deepEqual(
    sink.parsed().map(({ time }) => time),
    times.map((startMs) => new Date(startMs).toISOString()),
  );
});

test('durations are exact to the microsecond', () => {
  for (const ms of [0, 0.0004, 0.0006, 0.001, 0.9999, 1, 9.01, 10.1, 999.9994, 999.9996, 1_000, 123456.789, 1e9]) {
    const { durationMs } = JSON.parse(lineOf({ ...FULL, durationMs: ms }, ['durationMs'])) as { durationMs: number };
    assert.equal(durationMs, Math.round(ms * 1_000) / 1_000);
  }
});

test('a number that is none never breaks a line', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity, -1e300, 1e300]) {
    const record = { ...FULL, startMs: bad, durationMs: bad, upstreamDurationMs: bad, status: bad, bytesSent: bad };
    assert.doesNotThrow(() => JSON.parse(lineOf(record, ACCESS_LOG_FIELDS)));
  }
});

test('R09: no text of a client or an upstream can break a line, forge a field or reach a terminal', () => {
  const attacks = [
    '\r\n{"forged":true}\n',
    '","status":200,"x":"',
    '\\',
    '\\"',
    '\x1b[2J\x1b]0;title\x07',
    '\x9b31m',
    '\0',
    '\x7f',
    '\xff\xfe',
    '\u2028\u2029\u202e',
    'x'.repeat(100_000),
    '\x1b'.repeat(100_000),
  ];
  const texts = (Object.keys(FULL) as (keyof AccessLogRecord)[]).filter((key) => typeof FULL[key] === 'string');
  for (const attack of attacks) {
    const record = { ...FULL, ...Object.fromEntries(texts.map((key) => [key, attack])) };
    const line = lineOf(record, ACCESS_LOG_FIELDS);
    assert.match(line, /^[\x20-\x7e]+\n$/);
    assert.ok(line.length < 30_000);
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(Object.keys(parsed), ACCESS_LOG_FIELDS);
    assert.equal(parsed['status'], 200);
    const { path } = parsed;
    assert.ok(typeof path === 'string' && path.startsWith(attack.slice(0, 100)));
  }
});

test('a secret stays hidden also where the query is cut', () => {
  const query = `x=${'y'.repeat(1_000)}&token=${'SECRET'.repeat(1_000)}`;
  assert.doesNotMatch(lineOf({ ...FULL, query }, ['query']), /SECRET/);
});

test('more names than a field remembers are all printed', () => {
  const sink = new MemorySink();
  const accessLog = createAccessLog({ fields: ['route'], sink });
  const routes = Array.from({ length: 5_000 }, (_, i) => `shop/route-${i % 3_000}`);
  for (const route of routes) accessLog.log({ ...FULL, route });
  assert.deepEqual(
    sink.lines,
    routes.map((route) => `{"route":"${route}"}\n`),
  );
});

function lineOf(record: AccessLogRecord, fields: readonly AccessLogField[]): string {
  const sink = new MemorySink();
  createAccessLog({ fields, sink }).log(record);
  assert.equal(sink.lines.length, 1);
  return sink.lines[0] ?? '';
}
