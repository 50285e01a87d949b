// One path, measured with all contenders alternately, round by round. Each path starts them anew, so that no path feels the one before.
import { truncateSync } from 'node:fs';
import { startContender } from './contender.ts';
import type { Contender, ContenderName, Scene } from './contender.ts';
import type { CpuPath, MemoryPath, Path } from './path.ts';

export interface Plan {
  readonly contenders: readonly ContenderName[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface Sample {
  /** µs of processor time, or KiB of memory, per unit of the path. */
  readonly cost: number;
  readonly rssBytes: number;
  /** What load tells: absent where there was none. */
  readonly load?: { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number };
}

/** Of each contender, one per round. */
export type Samples = ReadonlyMap<ContenderName, readonly Sample[]>;

/** Sluice starts with code that is not compiled yet, and compiles what has run often enough. */
const WARM_UP_SECONDS = 3;
const WARM_UP_CONNECTIONS = 100;
/** For garbage to be collected and memory to be given back. */
const SETTLE_MS = 3_000;

export async function measurePath(path: Path, plan: Plan, scene: Scene): Promise<Samples> {
  const contenders = plan.contenders.filter((name) => path.leftOut?.[name] === undefined);
  return await (path.kind === 'cpu'
    ? measureCpu(path, { ...plan, contenders }, scene)
    : measureMemory(path, { ...plan, contenders }, scene));
}

async function measureCpu(path: CpuPath, plan: Plan, scene: Scene): Promise<Samples> {
  await using stack = new AsyncDisposableStack();
  const contenders = new Map<ContenderName, Contender>();
  for (const name of plan.contenders) {
    const contender = stack.use(await startContender(name, scene));
    contenders.set(name, contender);
    await takeCpuSample(path, contender, path.warmUpSeconds ?? WARM_UP_SECONDS, scene);
  }
  return await alternate(path, plan, (name) =>
    takeCpuSample(path, contenders.get(name) as Contender, plan.seconds, scene),
  );
}

async function measureMemory(path: MemoryPath, plan: Plan, scene: Scene): Promise<Samples> {
  return await alternate(path, plan, async (name) => {
    await using contender = await startContender(name, scene);
    return await takeMemorySample(path, contender);
  });
}

async function alternate(path: Path, plan: Plan, take: (name: ContenderName) => Promise<Sample>): Promise<Samples> {
  const samples = new Map(plan.contenders.map((name) => [name, [] as Sample[]]));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [name, taken] of samples) {
      process.stderr.write(`${path.name}, round ${round}/${plan.rounds}, ${name}: `);
      const sample = await take(name);
      taken.push(sample);
      process.stderr.write(`${sample.cost.toFixed(1)} ${costUnit(path)}\n`);
    }
  }
  return samples;
}

export function costUnit({ kind, unit }: Path): string {
  return kind === 'cpu' ? `µs CPU/${unit}` : `KiB/${unit}`;
}

async function takeCpuSample(path: CpuPath, contender: Contender, seconds: number, scene: Scene): Promise<Sample> {
  const cpuBeforeMs = contender.process.cpuMs();
  const { done, p50Ms, p99Ms } = await path.load(contender, { seconds, directory: scene.directory });
  const cost = ((contender.process.cpuMs() - cpuBeforeMs) * 1000) / done;
  const rssBytes = contender.process.rssBytes();
  truncateSync(contender.accessLog);
  return { cost, rssBytes, load: { perSecond: done / seconds, p50Ms, p99Ms } };
}

async function takeMemorySample({ hold, connections }: MemoryPath, contender: Contender): Promise<Sample> {
  await (await hold(contender, WARM_UP_CONNECTIONS))[Symbol.asyncDispose]();
  await settle();
  const rssBefore = contender.process.rssBytes();
  await using _open = await hold(contender, connections);
  await settle();
  const rssBytes = contender.process.rssBytes();
  return { cost: (rssBytes - rssBefore) / 1024 / connections, rssBytes };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
