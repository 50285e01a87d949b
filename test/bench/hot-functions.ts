// Where the time of a CPU profile went: the functions that were on top of the stack most often. It is time on the clock: a system call
// that hands the core to the peer looks larger than it is.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { textTable } from './text-table.ts';
import { ROOT } from './workspace.ts';

/** What `node --cpu-prof` writes. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Loading and the first configuration are not what is looked for. */
const START_UP_MICROS = 3_000_000;
const NOT_WORK: ReadonlySet<string> = new Set(['(idle)', '(root)']);

/** A table of the hottest functions in the largest profile of a folder: other processes than the one that served have small ones. */
export function hotFunctions(directory: string, count: number): string {
  const files = readdirSync(directory).map((name) => join(directory, name));
  const [largest] = files.toSorted((a, b) => statSync(b).size - statSync(a).size);
  if (largest === undefined) throw new Error(`no profile in ${directory}`);
  const microsOf = selfMicros(JSON.parse(readFileSync(largest, 'utf8')) as CpuProfile);
  const total = [...microsOf.values()].reduce((sum, micros) => sum + micros, 0);
  const hottest = [...microsOf].toSorted(([, a], [, b]) => b - a).slice(0, count);
  const rows = hottest.map(([name, micros]) => [name, `${((micros / total) * 100).toFixed(1)} %`]);
  return `${largest}\n\n${textTable(['function', 'of the time'], rows)}`;
}

function selfMicros({ nodes, samples, timeDeltas }: CpuProfile): ReadonlyMap<string, number> {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const microsOf = new Map<string, number>();
  let elapsedMicros = 0;
  for (const [index, id] of samples.entries()) {
    const micros = timeDeltas[index] ?? 0;
    elapsedMicros += micros;
    const frame = frames.get(id);
    if (elapsedMicros < START_UP_MICROS || frame === undefined || NOT_WORK.has(frame.functionName)) continue;
    const place = frame.url === '' ? '' : ` ${frame.url.replace(`file://${ROOT}`, '')}:${frame.lineNumber + 1}`;
    const name = `${frame.functionName || '(anonymous)'}${place}`;
    microsOf.set(name, (microsOf.get(name) ?? 0) + micros);
  }
  return microsOf;
}
