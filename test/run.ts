// Runs the tests of the named groups, or of all: `node test/run.ts [unit|property|integration]…`
// Unit tests share this process; every other file has a process of its own, a few at a time, and those that start several processes and load
// them one at a time. One report with one closing block, and
// no way to pass for a file that did not load, a test that ends the process, or an error that no test caught.
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import type { TestEvent } from 'node:test/reporters';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ensureInstalled, MissingRequirementError, TEST_REQUIREMENTS } from './integration/requirements.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const GROUPS: Readonly<Record<string, RegExp>> = {
  unit: /^test\/(?:unit\/|golden\/|[^/]+$)/,
  property: /^test\/property\//,
  integration: /^test\/integration\//,
};
/** What these find depends on how fast things happen; a neighbour would slow them down. */
const ALONE = /^test\/integration\/(?:system|processes|lossless|hardening|kubernetes|deploy)\//;
const TEST_TIMEOUT_MS = 300_000;
/** A test that loops, or leaves a server or a timer open, keeps its process alive; this ends it. */
const SHARED_PROCESS_LIMIT_MS = 600_000;
const OWN_PROCESSES_LIMIT_MS = 2_700_000;

const COUNTERS = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo', 'duration_ms'] as const;
type Counter = (typeof COUNTERS)[number];
const CLOSING_LINE = new RegExp(`^(${COUNTERS.join('|')}) ([\\d.]+)$`);
const OUTSIDE_TESTS = /asynchronous activity after the test ended/;

class TestRun {
  readonly #totals = new Map<Counter, number>(COUNTERS.map((counter) => [counter, 0]));
  /** A run's own end, which makes the reporter print what failed; kept back until all runs have ended. */
  #summary: TestEvent | undefined;
  #finished = false;

  get passed(): boolean {
    return this.#finished && this.#total('tests') > 0 && this.#total('fail') === 0 && this.#total('cancelled') === 0;
  }

  async *events(shared: readonly string[], own: readonly string[]): AsyncGenerator<TestEvent> {
    if (shared.length > 0) yield* this.#inThisProcess(shared);
    const together = own.filter((file) => !ALONE.test(file));
    const alone = own.filter((file) => ALONE.test(file));
    if (together.length > 0) yield* this.#inOwnProcesses(together, availableParallelism());
    if (alone.length > 0) yield* this.#inOwnProcesses(alone, 1);
    this.#finished = true;
    if (this.#summary !== undefined) yield this.#summary;
    for (const counter of COUNTERS) yield diagnostic(`${counter} ${this.#total(counter)}`);
  }

  async *#inThisProcess(files: readonly string[]): AsyncGenerator<TestEvent> {
    const watchdog = startWatchdog(SHARED_PROCESS_LIMIT_MS);
    const failed = new Set<string>();
    for await (const event of run({ files: [...files], isolation: 'none', timeout: TEST_TIMEOUT_MS, cwd: ROOT })) {
      if (event.type === 'test:fail') failed.add(event.data.name);
      yield* this.#count(event);
    }
    await watchdog.terminate();
    // What a file throws after its first test is lost; the module itself remembers.
    for (const file of files) {
      const error = await import(pathToFileURL(join(ROOT, file)).href).then(() => undefined, String);
      if (error !== undefined && !failed.has(file)) yield* this.#failure(`${file} did not load: ${error}`);
    }
  }

  async *#inOwnProcesses(files: readonly string[], concurrency: number): AsyncGenerator<TestEvent> {
    const stream = run({
      files: [...files],
      isolation: 'process',
      concurrency,
      timeout: TEST_TIMEOUT_MS,
      signal: AbortSignal.timeout(OWN_PROCESSES_LIMIT_MS),
      cwd: ROOT,
    });
    for await (const event of stream) yield* this.#count(event);
  }

  /** Passes on all but what closes a run: its counts are added up. */
  *#count(event: TestEvent): Generator<TestEvent> {
    if (event.type === 'test:summary' && event.data.file === undefined) {
      this.#summary = event;
      return;
    }
    if (event.type !== 'test:diagnostic') {
      yield event;
      return;
    }
    const { message, file, nesting } = event.data;
    const [, counter, number] = (file === undefined && nesting === 0 && CLOSING_LINE.exec(message)) || [];
    if (counter !== undefined) this.#add(counter as Counter, Number(number));
    else if (OUTSIDE_TESTS.test(message)) yield* this.#failure(message);
    else yield event;
  }

  *#failure(message: string): Generator<TestEvent> {
    this.#add('tests', 1);
    this.#add('fail', 1);
    yield diagnostic(`✖ ${message}`);
  }

  #add(counter: Counter, number: number): void {
    this.#totals.set(counter, this.#total(counter) + number);
  }

  #total(counter: Counter): number {
    return this.#totals.get(counter) ?? 0;
  }
}

/** In a thread, because a test that loops keeps this one from looking at the time. */
function startWatchdog(limitMs: number): Worker {
  const message = `the tests did not end in ${limitMs / 1000} s: one loops, or left a server or a timer open\n`;
  const end = `require('node:fs').writeSync(2, workerData); process.kill(process.pid, 'SIGKILL')`;
  const code = `const { workerData } = require('node:worker_threads'); setTimeout(() => { ${end} }, ${limitMs})`;
  const watchdog = new Worker(code, { eval: true, workerData: message });
  watchdog.unref();
  return watchdog;
}

function diagnostic(message: string): TestEvent {
  return { type: 'test:diagnostic', data: { message, nesting: 0, level: 'info' } };
}

/** @throws where a test file belongs to no group, so that none is ever forgotten. */
function findFiles(): Map<string, string[]> {
  const groups = new Map(Object.keys(GROUPS).map((name) => [name, [] as string[]]));
  for (const file of globSync('test/**/*.test.ts', { cwd: ROOT }).toSorted()) {
    const [name] = Object.entries(GROUPS).find(([, folder]) => folder.test(file)) ?? [];
    if (name === undefined) throw new Error(`${file} belongs to no group of test/run.ts`);
    groups.get(name)?.push(file);
  }
  return groups;
}

async function main(names: readonly string[]): Promise<boolean> {
  const unknown = names.find((name) => GROUPS[name] === undefined);
  if (unknown !== undefined) throw new Error(`no group ${unknown}: ${Object.keys(GROUPS).join(', ')}`);
  const files = findFiles();
  const wanted = (name: string): string[] =>
    names.length === 0 || names.includes(name) ? (files.get(name) ?? []) : [];
  const shared = wanted('unit');
  const integration = wanted('integration');
  if (integration.length > 0) ensureInstalled(TEST_REQUIREMENTS);
  const own = [...wanted('property'), ...integration];

  const testRun = new TestRun();
  process.once('exit', () => {
    if (testRun.passed) return;
    process.exitCode = 1;
    console.error('✖ the tests did not pass');
  });
  await pipeline(Readable.from(testRun.events(shared, own)).compose(spec()), process.stdout, { end: false });
  return testRun.passed;
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof MissingRequirementError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
