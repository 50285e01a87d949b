// Reads what the suite prints (-test.v=test2json: results of subtests as they end) and makes one result of each conformance test. What the
// suite prints outside its tests is kept too: a failure there is a failure of the run.

export type Outcome = 'failed' | 'passed' | 'skipped' | 'unfinished';

export interface TestResult {
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** Of a failure: the steps that failed and what was said first. Of a skipped test: the reason. */
  readonly details: readonly string[];
}

interface RunningTest {
  readonly lines: string[];
  readonly failedSteps: string[];
}

const ROOT = 'TestConformance';
const MAX_LINES = 500;
const MAX_DETAILS = 12;
const TURN = /^=== (RUN|CONT|NAME|PAUSE)\s+(\S*)/;
const RESULT = /^\s*--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)/;
/** Where a failed assertion begins. */
const ASSERTION = /Error Trace:|^panic: /;
const LOGGED = /^\s+\w+\.go:\d+: /;
const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z: /;
const ELAPSED = / \(after [\dm.]+s\)$/;
const LOG_LINES_BEFORE_ASSERTION = 3;
const MAX_LINE_LENGTH = 400;
/** Tests for meshes, which a gateway does not claim, are in the same list. */
const MESH = /does not support Mesh/;

export class SuiteOutput {
  readonly results: TestResult[] = [];
  readonly #onResult: (result: TestResult) => void;
  readonly #running = new Map<string, RunningTest>();
  readonly #outside: string[] = [];
  /** The test whose lines follow. */
  #current: RunningTest | undefined;

  constructor(onResult: (result: TestResult) => void) {
    this.#onResult = onResult;
  }

  write(rawLine: string): void {
    // Marks that the output is meant for programs, and where errors begin and end.
    // oxlint-disable-next-line no-control-regex
    const line = rawLine.replaceAll(/[\u000E\u000F\u0016]/g, '');
    const result = RESULT.exec(line);
    if (result !== null) {
      const [, outcome = '', path = '', seconds = ''] = result;
      this.#end(path, outcome, Number(seconds));
      return;
    }
    const turn = TURN.exec(line);
    if (turn !== null) {
      const [, verb = '', path = ''] = turn;
      const [name, ...steps] = stepsOf(path);
      if (verb === 'RUN' && name !== undefined && steps.length === 0) {
        this.#running.set(name, { lines: [], failedSteps: [] });
      }
      this.#current = this.#running.get(name ?? '');
      return;
    }
    if (line.trim() === '') return;
    const lines = this.#current?.lines ?? this.#outside;
    lines.push(line);
    if (lines.length > MAX_LINES) lines.shift();
  }

  /** The suite printed its last line: what still runs never ended. */
  finish(): void {
    for (const [name, { lines }] of this.#running) {
      this.#add({ name, outcome: 'unfinished', seconds: 0, details: lines.slice(-MAX_DETAILS) });
    }
    this.#running.clear();
  }

  /** What was said outside of tests, from the first failed assertion on. */
  get outside(): readonly string[] {
    return firstWords(this.#outside);
  }

  #end(path: string, outcome: string, seconds: number): void {
    const [name = '', ...steps] = stepsOf(path);
    const test = this.#running.get(name);
    if (test === undefined) return;
    if (steps.length > 0) {
      if (outcome === 'FAIL') test.failedSteps.push(steps.join('/'));
      return;
    }
    this.#running.delete(name);
    this.#current = undefined;
    if (outcome === 'PASS') {
      this.#add({ name, outcome: 'passed', seconds, details: [] });
    } else if (outcome === 'FAIL') {
      const failed = test.failedSteps.map((step) => `step ${step}`);
      this.#add({ name, outcome: 'failed', seconds, details: [...failed, ...firstWords(test.lines)] });
    } else if (!MESH.test(test.lines.join('\n'))) {
      this.#add({ name, outcome: 'skipped', seconds, details: test.lines.slice(-1) });
    }
  }

  #add(result: TestResult): void {
    this.results.push(result);
    this.#onResult(result);
  }
}

/** The name of a conformance test, and below it its steps; nothing for other tests. */
function stepsOf(path: string): string[] {
  const [root, ...names] = path.split('/');
  return root === ROOT ? names : [];
}

/** That every test passed, and there was one. */
export function everythingPassed(results: readonly TestResult[]): boolean {
  return results.length > 0 && results.every(({ outcome }) => outcome === 'passed');
}

/** Counts, then each test that did not pass with what it said. */
export function summarize(results: readonly TestResult[], seconds: number): string {
  const count = (outcome: Outcome): number => results.filter((result) => result.outcome === outcome).length;
  const counts = `${count('passed')} passed, ${count('failed') + count('unfinished')} failed, ${count('skipped')} skipped`;
  const others = results.filter(({ outcome }) => outcome !== 'passed');
  return [
    ...others.flatMap(({ name, outcome, details }) => [`${outcome}: ${name}`, ...details.map((line) => `  ${line}`)]),
    `${results.length} tests: ${counts} in ${seconds.toFixed(0)} s`,
  ].join('\n');
}

/** The first failed assertion and what was logged before it; without one, what was logged last. Times go, and so what they make different. */
function firstWords(lines: readonly string[]): string[] {
  const start = lines.findIndex((line) => ASSERTION.test(line));
  if (start === -1) return lastDistinct(lines, MAX_DETAILS);
  const length = lines.slice(start).findIndex((line) => LOGGED.test(line));
  const assertion = lines.slice(start, length === -1 ? undefined : start + length).slice(0, MAX_DETAILS);
  return [...lastDistinct(lines.slice(0, start), LOG_LINES_BEFORE_ASSERTION), ...assertion.map(shorten)];
}

function lastDistinct(lines: readonly string[], count: number): string[] {
  return [...new Set(lines.map(shorten))].slice(-count);
}

function shorten(line: string): string {
  const text = line.replace(TIME, '').replace(ELAPSED, '').trimEnd();
  if (text.length <= MAX_LINE_LENGTH) return text;
  // What was sent is at the beginning, what came back at the end.
  return `${text.slice(0, MAX_LINE_LENGTH / 2)}…${text.slice(-MAX_LINE_LENGTH / 2)}`;
}
