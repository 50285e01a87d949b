// What observability costs per request, in ns, and per scrape, in ms. Run: node test/bench/observability.ts
import {
  type AccessLogRecord,
  createAccessLog,
  DEFAULT_ACCESS_LOG_FIELDS,
} from '../../src/observability/access-log.ts';
import { openLineSink } from '../../src/observability/line-sink.ts';
import { Metrics } from '../../src/observability/metric-names.ts';
import { parseTraceparent } from '../../src/observability/traceparent.ts';
import { bindRouteCells } from '../../src/observability/traffic-cells.ts';

const ROUNDS = 5;
const ROUTES = 5_000;

/** Median of some rounds; `operation` gets the number of the call. */
function nsPerOperation(operations: number, operation: (index: number) => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const started = process.hrtime.bigint();
    for (let i = 0; i < operations; i++) operation(i);
    return Number(process.hrtime.bigint() - started) / operations;
  });
  return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
}

function report(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(48)} ${value.toFixed(value < 100 ? 1 : 0).padStart(8)} ${unit}`);
}

const metrics = new Metrics();
const cells = Array.from({ length: ROUTES }, (_, i) =>
  bindRouteCells(metrics, 'infra/public/https', `shop/route-${i}`),
);
const cell = (index: number): (typeof cells)[number] => cells[index % 64] as (typeof cells)[number];

report(
  'counter, inc',
  nsPerOperation(5e6, (i) => cell(i).sentBytes.inc()),
  'ns',
);
report(
  'counters by status, inc',
  nsPerOperation(5e6, (i) => cell(i).requests.inc('2xx')),
  'ns',
);
report(
  'histogram, observe',
  nsPerOperation(5e6, (i) => cell(i).requestDuration.observe((i % 400) / 1_000)),
  'ns',
);

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
report(
  'traceparent, parse',
  nsPerOperation(2e6, () => void parseTraceparent(TRACEPARENT)),
  'ns',
);

const records: readonly AccessLogRecord[] = Array.from({ length: 1_000 }, (_, i) => ({
  startMs: Date.UTC(2026, 0) + i,
  durationMs: 1.2345 + (i % 100) / 7,
  method: 'GET',
  host: 'shop.example.com',
  path: `/cart/items/${i}`,
  query: undefined,
  protocol: 'HTTP/1.1',
  status: 200,
  grpcStatus: undefined,
  flag: undefined,
  listener: 'infra/public/https',
  route: `shop/route-${i % 100}`,
  rule: '0',
  backend: 'shop/cart-v1:8080',
  endpoint: `10.1.2.${i % 10}:8080`,
  remoteAddress: '192.0.2.17',
  bytesReceived: 0,
  bytesSent: 1_234 + i,
  requestId: '8f14e45f-ceea-467f-a9d3-1d0c5e2f6b7a',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  referer: undefined,
  upstreamDurationMs: 1.1 + (i % 90) / 11,
  attempts: 1,
  tlsVersion: 'TLSv1.3',
  serverName: 'shop.example.com',
}));
const hostile = records.map((record) => ({ ...record, userAgent: '\xff'.repeat(4_096), path: '\x1b'.repeat(4_096) }));
const sink = openLineSink({ target: { path: '/dev/null' } });
const accessLog = createAccessLog({ fields: DEFAULT_ACCESS_LOG_FIELDS, sink });

async function lineCost(from: readonly AccessLogRecord[], lines: number): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.cpuUsage();
    for (let i = 0; i < lines; i++) {
      accessLog.log(from[i % from.length] as AccessLogRecord);
      if (i % 1_000 === 0) await sink.flush();
    }
    await sink.flush();
    const { user, system } = process.cpuUsage(started);
    rounds.push(((user + system) * 1_000) / lines);
  }
  return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
}

report('access-log line, default fields, CPU', await lineCost(records, 100_000), 'ns');
report('access-log line, hostile texts, CPU', await lineCost(hostile, 10_000), 'ns');
if (sink.droppedLines > 0) throw new Error(`${sink.droppedLines} lines were dropped`);
await sink.close();

for (const route of cells) {
  route.requests.inc('2xx');
  route.requestDuration.observe(0.1);
}
let bytes = 0;
report(`metrics of ${ROUTES} routes`, nsPerOperation(1, () => (bytes = metrics.registry.expose().length)) / 1e6, 'ms');
report(`metrics of ${ROUTES} routes`, bytes / 1e6, 'MB');
