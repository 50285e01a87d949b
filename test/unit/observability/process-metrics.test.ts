import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Metrics } from '../../../src/observability/metric-names.ts';
import { startProcessMetrics } from '../../../src/observability/process-metrics.ts';
import { parsePrometheusText } from './prometheus-parser.ts';

function burnCpu(durationMs: number): void {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
}

test('the process shows what it costs', async (context) => {
  const metrics = new Metrics();
  const running = startProcessMetrics(metrics);
  context.after(() => running.stop());
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number => {
    const samples = parsePrometheusText(metrics.registry.expose()).get(name)?.samples ?? [];
    const found = samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text));
    assert.ok(found, `${name} ${JSON.stringify(labels)}`);
    return found.value;
  };

  const cpuBefore = value('sluice_process_cpu_seconds_total', { mode: 'user' });
  burnCpu(60);
  assert.ok(value('sluice_process_cpu_seconds_total', { mode: 'user' }) - cpuBefore > 0.02);
  assert.ok(value('sluice_process_resident_memory_bytes') > 10e6);
  assert.ok(value('sluice_process_heap_used_bytes') > 1e6);
  assert.ok(Math.abs(value('sluice_process_start_time_seconds') * 1_000 - performance.timeOrigin) < 1);
  assert.equal(value('sluice_hidden_metric_cells'), 0);
  assert.ok(value('sluice_event_loop_active_seconds_total') >= 0);
});

test('a blocked event loop shows as delay', async (context) => {
  const metrics = new Metrics();
  const running = startProcessMetrics(metrics);
  context.after(() => running.stop());
  const maxDelay = (): number => {
    const samples = parsePrometheusText(metrics.registry.expose()).get('sluice_event_loop_delay_seconds')?.samples;
    return samples?.find(({ labels }) => labels['quantile'] === '1')?.value ?? Number.NaN;
  };
  // The native timer has to fire once before a delay of the next one can be seen.
  const deadline = performance.now() + 5_000;
  while (!(maxDelay() > 0.04) && performance.now() < deadline) {
    burnCpu(60);
    await nextTurn();
  }
  assert.ok(maxDelay() > 0.04);
  assert.equal(maxDelay(), maxDelay(), 'a scrape does not take the value away from the next one');
});
