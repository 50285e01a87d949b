// Metrics of several processes as one exposition. Counters, histograms and gauges are sums over the processes; what is about a process
// itself (its memory, its event loop) stays apart, with the process as a label.

/** The samples of one family: the value by `name{labels}`. */
interface FamilySamples {
  /** HELP and TYPE lines. */
  readonly header: string;
  readonly isCounted: boolean;
  readonly samples: Map<string, number>;
}

export type MetricSamples = ReadonlyMap<string, FamilySamples>;

/** Those of metrics that never go down, as they cross to another process. */
export type MetricTotals = readonly (readonly [
  family: string,
  header: string,
  samples: readonly (readonly [string, number])[],
])[];

/** Of processes that are gone; series beyond it are forgotten. */
const MAX_KEPT_SERIES = 200_000;

const ABOUT_PROCESS = /^sluice_(?:process|event_loop|gc|overload)_/;

/** @param texts in the Prometheus text format, whole or in pieces that end anywhere. @param process the value of the label */
export function parseMetrics(texts: Iterable<string>, process: string): MetricSamples {
  const families = new Map<string, FamilySamples>();
  let family: FamilySamples | undefined;
  let help = '';
  let isAboutProcess = false;
  for (const line of linesOf(texts)) {
    if (line.startsWith('# HELP ')) {
      help = line;
    } else if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ');
      isAboutProcess = ABOUT_PROCESS.test(name);
      family = { header: `${help}\n${line}\n`, isCounted: type !== 'gauge' && !isAboutProcess, samples: new Map() };
      families.set(name, family);
    } else {
      const space = line.lastIndexOf(' ');
      const key = line.slice(0, space);
      family?.samples.set(isAboutProcess ? withProcess(key, process) : key, Number(line.slice(space + 1)));
    }
  }
  return families;
}

/** @param gone of processes that are no more: only what they counted. */
export function* sumMetrics(live: readonly MetricSamples[], gone: readonly MetricSamples[]): Generator<string> {
  const all = [...live, ...gone];
  const names = new Set(all.flatMap((families) => [...families.keys()]));
  for (const name of names) {
    const parts = all.flatMap((families, index) => {
      const family = families.get(name);
      return family === undefined || (index >= live.length && !family.isCounted) ? [] : [family];
    });
    let text = parts[0]?.header ?? '';
    for (const [key, value] of sumSamples(parts)) {
      yield `${text}${key} ${value}\n`;
      text = '';
    }
  }
}

/** What the processes counted, as one. */
export function totalsOf(gone: Iterable<MetricSamples>): MetricTotals {
  const parts = [...gone];
  const names = new Set(parts.flatMap((families) => [...families.keys()]));
  let left = MAX_KEPT_SERIES;
  return [...names].flatMap((name) => {
    const counted = parts.map((families) => families.get(name)).filter((family) => family?.isCounted === true);
    if (counted[0] === undefined) return [];
    const samples = [...sumSamples(counted as FamilySamples[])].slice(0, left);
    left -= samples.length;
    return samples.length === 0 ? [] : [[name, counted[0].header, samples] as const];
  });
}

export function samplesOfTotals(totals: MetricTotals): MetricSamples {
  return new Map(
    totals.map(([name, header, samples]) => [name, { header, isCounted: true, samples: new Map(samples) }]),
  );
}

function sumSamples(parts: readonly FamilySamples[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { samples } of parts) for (const [key, value] of samples) sums.set(key, (sums.get(key) ?? 0) + value);
  return sums;
}

function* linesOf(texts: Iterable<string>): Generator<string> {
  let rest = '';
  for (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function withProcess(key: string, process: string): string {
  const label = `process="${process}"`;
  const brace = key.indexOf('{');
  return brace === -1 ? `${key}{${label}}` : `${key.slice(0, brace + 1)}${label},${key.slice(brace + 1)}`;
}
