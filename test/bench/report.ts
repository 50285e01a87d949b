// What a run tells people: a table for each path, with the ratios inside each round, and one of all budgets at the end.
import type { ContenderName } from './contender.ts';
import { costUnit } from './measurement.ts';
import type { Sample, Samples } from './measurement.ts';
import type { Budget, Path } from './path.ts';
import { median } from './statistics.ts';
import { textTable } from './text-table.ts';

export interface PathResult {
  readonly path: Path;
  readonly samples: Samples;
}

const ABSENT = '–';
const MIB = 2 ** 20;

export function pathReport({ path, samples }: PathResult): string {
  const { title, setting, leftOut = {} } = path;
  const head = ['proxy', costUnit(path), '/ nginx', '/ Envoy', 'per s', 'p50 ms', 'p99 ms', 'RSS MiB'];
  const rows = [...samples].map(([name, own]) => [
    name,
    spread(own.map(({ cost }) => cost)),
    numberText(ratioTo('nginx', own, samples), 2),
    numberText(ratioTo('envoy', own, samples), 2),
    middle(own, ({ load }) => load?.perSecond, 0),
    middle(own, ({ load }) => load?.p50Ms, 2),
    middle(own, ({ load }) => load?.p99Ms, 2),
    middle(own, ({ rssBytes }) => rssBytes / MIB, 0),
  ]);
  const absent = Object.entries(leftOut).map(([name, reason]) => [name, `left out: ${reason}`]);
  return `${title} (${setting})\n\n${textTable(head, [...rows, ...absent])}`;
}

/** Sluice beside its budgets. */
export function budgetReport(results: readonly PathResult[]): string {
  const head = ['path', 'Sluice', '/ nginx', '/ Envoy', 'must', 'aim'];
  const rows = results.flatMap(({ path, samples }) => {
    const own = samples.get('sluice');
    if (own === undefined) return [];
    const cost = `${numberText(median(own.map((sample) => sample.cost)), 1)} ${costUnit(path)}`;
    const ratios = [ratioTo('nginx', own, samples), ratioTo('envoy', own, samples)];
    const bound = (kind: 'must' | 'aim'): string => verdicts(kind, path.budgets, own, samples);
    return [[path.name, cost, ...ratios.map((ratio) => numberText(ratio, 2)), bound('must'), bound('aim')]];
  });
  return textTable(head, rows);
}

function verdicts(kind: 'must' | 'aim', budgets: readonly Budget[], own: readonly Sample[], samples: Samples): string {
  const texts = budgets.flatMap(({ peer, [kind]: bound }) => {
    if (bound === undefined) return [];
    const figure = peer === undefined ? median(own.map(({ cost }) => cost)) : ratioTo(peer, own, samples);
    const verdict = Number.isNaN(figure) ? 'not measured' : figure <= bound ? 'pass' : 'miss';
    return [`≤ ${bound}${peer === undefined ? '' : ` × ${peer}`}: ${verdict}`];
  });
  return texts.length === 0 ? ABSENT : texts.join('; ');
}

/** The median of the ratios inside each round. */
function ratioTo(peer: ContenderName, own: readonly Sample[], samples: Samples): number {
  const theirs = samples.get(peer);
  return median(own.map(({ cost }, round) => cost / (theirs?.[round]?.cost ?? Number.NaN)));
}

function spread(costs: readonly number[]): string {
  return `${median(costs).toFixed(1)} (${Math.min(...costs).toFixed(1)}–${Math.max(...costs).toFixed(1)})`;
}

function middle(own: readonly Sample[], measure: (sample: Sample) => number | undefined, digits: number): string {
  return numberText(median(own.map((sample) => measure(sample) ?? Number.NaN)), digits);
}

function numberText(value: number, digits: number): string {
  return Number.isNaN(value) ? ABSENT : value.toFixed(digits);
}
