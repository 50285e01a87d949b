import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseMetrics, samplesOfTotals, sumMetrics, totalsOf } from '../../../../src/app/control/metric-sum.ts';
import { parsePrometheusText } from '../../observability/prometheus-parser.ts';

function exposition(requests: number, open: number, bytes: number): string {
  return [
    '# HELP sluice_requests_total Requests.',
    '# TYPE sluice_requests_total counter',
    `sluice_requests_total{route="a b",status="2xx"} ${requests}`,
    '# HELP sluice_open Open.',
    '# TYPE sluice_open gauge',
    `sluice_open ${open}`,
    '# HELP sluice_process_resident_memory_bytes Resident.',
    '# TYPE sluice_process_resident_memory_bytes gauge',
    `sluice_process_resident_memory_bytes ${bytes}`,
    '# HELP sluice_gc_duration_seconds Pauses.',
    '# TYPE sluice_gc_duration_seconds histogram',
    `sluice_gc_duration_seconds_count{kind="minor"} ${requests}`,
    '',
  ].join('\n');
}

/** In pieces that end anywhere. */
function* piecesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; start += 7) yield text.slice(start, start + 7);
}

it('what processes count is summed, what is about one of them is kept apart', () => {
  const live = [
    parseMetrics(piecesOf(exposition(3, 1, 10)), 'worker-0'),
    parseMetrics([exposition(4, 2, 20)], 'worker-1'),
  ];
  const gone = [parseMetrics([exposition(100, 50, 30)], 'worker-0')];
  const families = parsePrometheusText([...sumMetrics(live, gone)].join(''));
  const samples = [...families.values()].flatMap((family) => family.samples);
  const shown = samples.map(({ name, labels, value }) => [name, labels['process'] ?? '', value]);
  assert.deepEqual(shown, [
    ['sluice_requests_total', '', 107],
    ['sluice_open', '', 3],
    ['sluice_process_resident_memory_bytes', 'worker-0', 10],
    ['sluice_process_resident_memory_bytes', 'worker-1', 20],
    ['sluice_gc_duration_seconds_count', 'worker-0', 3],
    ['sluice_gc_duration_seconds_count', 'worker-1', 4],
  ]);
});

it('totals cross as plain data, and count on', () => {
  const gone = [parseMetrics([exposition(3, 1, 10)], 'worker-0'), parseMetrics([exposition(4, 1, 10)], 'worker-1')];
  const totals = JSON.parse(JSON.stringify(totalsOf(gone))) as ReturnType<typeof totalsOf>;
  assert.deepEqual(
    totals.map(([name]) => name),
    ['sluice_requests_total'],
  );
  const text = [...sumMetrics([parseMetrics([exposition(1, 9, 10)], 'worker-0')], [samplesOfTotals(totals)])].join('');
  assert.match(text, /^sluice_requests_total\{route="a b",status="2xx"\} 8$/m);
  assert.match(text, /^sluice_open 9$/m);
});
