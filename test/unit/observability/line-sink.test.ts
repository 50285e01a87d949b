import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, renameSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LineOutlet, WriteCallback } from '../../../src/observability/line-outlet.ts';
import { BatchingLineSink, openLineSink } from '../../../src/observability/line-sink.ts';

const CHILD = join(import.meta.dirname, 'line-sink-child.ts');

test('lines arrive in order in a file that is appended to', async (context) => {
  const path = join(await temporaryFolder(context), 'access.log');
  const expected: string[] = [];
  for (const round of [1, 2]) {
    const sink = openLineSink({ target: { path } });
    for (let i = 0; i < 5_000; i++) {
      const line = `${round} ${i} ${'x'.repeat(i % 50)} é\n`;
      expected.push(line);
      sink.write(line);
    }
    await sink.close();
    assert.equal(sink.droppedLines, 0);
  }
  assert.equal(readFileSync(path, 'utf8'), expected.join(''));
  assert.equal((await stat(path)).mode & 0o007, 0, 'not readable by everyone');
});

test('a few lines are written soon without a flush', async (context) => {
  const path = join(await temporaryFolder(context), 'access.log');
  const sink = openLineSink({ target: { path }, flushDelayMs: 10 });
  context.after(() => sink.close());
  for (const round of ['a\n', 'a\nb\n', 'a\nb\nc\n']) {
    sink.write(round.slice(-2));
    await until(() => readFileSync(path, 'utf8') === round);
  }
});

test('a file that can not be opened is told at once', () => {
  assert.throws(() => openLineSink({ target: { path: '/nonexistent/folder/access.log' } }), { code: 'ENOENT' });
});

test('rotation loses, repeats and cuts no line', async (context) => {
  const folder = await temporaryFolder(context);
  const path = join(folder, 'access.log');
  const sink = openLineSink({ target: { path }, flushDelayMs: 1 });
  let written = 0;
  const rotations = 20;
  for (let rotation = 0; rotation < rotations; rotation++) {
    for (let i = 0; i < 500; i++) sink.write(`line ${written++} ${'x'.repeat(written % 400)}\n`);
    if (rotation % 2 === 0) await nextTurn();
    renameSync(path, join(folder, `access.log.${rotation}`));
    sink.reopen();
    for (let i = 0; i < 500; i++) sink.write(`line ${written++} ${'x'.repeat(written % 400)}\n`);
    await sink.flush();
    assert.ok(readFileSync(path, 'utf8').endsWith('\n'), 'lines go to the new file');
  }
  await sink.close();
  assert.equal(sink.droppedLines, 0);
  const files = Array.from({ length: rotations }, (_, rotation) => `access.log.${rotation}`);
  let read = 0;
  for (const file of [...files, 'access.log']) {
    const content = readFileSync(join(folder, file), 'utf8');
    assert.ok(content === '' || content.endsWith('\n'));
    for (const line of content.split('\n').slice(0, -1)) {
      assert.match(line, new RegExp(`^line ${read} x*$`));
      read += 1;
    }
  }
  assert.equal(read, written);
});

test('when the new file can not be opened the old one goes on', async (context) => {
  const folder = await temporaryFolder(context);
  const path = join(folder, 'logs', 'access.log');
  execFileSync('mkdir', [join(folder, 'logs')]);
  const errors: Error[] = [];
  const sink = openLineSink({ target: { path }, onError: (error) => errors.push(error) });
  sink.write('1\n');
  renameSync(join(folder, 'logs'), join(folder, 'old'));
  sink.reopen();
  await until(() => errors.length > 0);
  sink.write('2\n');
  await sink.close();
  assert.equal(readFileSync(join(folder, 'old', 'access.log'), 'utf8'), '1\n2\n');
  assert.match(String(errors), /ENOENT/);
});

test('a full pipe delays lines, then drops whole lines and counts them; the rest arrives when it is read', async (context) => {
  const fifo = await namedPipe(context);
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  context.after(() => closeSync(reader));
  const sink = openLineSink({ target: { path: fifo }, maxBufferedBytes: 200_000 });
  const total = 20_000;
  for (let i = 0; i < total; i++) {
    sink.write(`${JSON.stringify({ line: i, text: 'x'.repeat(i % 100) })}\n`);
    if (i % 1_000 === 0) await nextTurn();
  }
  const { droppedLines } = sink;
  assert.ok(droppedLines > 0 && droppedLines < total);

  let read = '';
  const flushing = sink.flush(5_000);
  await until(() => {
    read += readAvailable(reader, 4_099);
    return read.split('\n').length > total - droppedLines;
  });
  await flushing;
  read += readAvailable(reader, 4_099);
  await sink.close();
  assertWholeLines(read, total - droppedLines);
});

test('a stdout pipe that nobody reads blocks neither the writer nor its exit', async (context) => {
  const fifo = await namedPipe(context);
  const pipe = openSync(fifo, constants.O_RDWR);
  context.after(() => closeSync(pipe));
  const child = startChild(context, ['100000', '1000000', '50'], pipe);
  const report = await reportOf(child);
  assert.ok(report.dropped > 50_000, String(report.dropped));
  assert.deepEqual(report.errors, []);
  assert.ok(report.writeMs < 2_000);
});

test('a reader that takes half lines, slowly, gets every line', async (context) => {
  const fifo = await namedPipe(context);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  context.after(() => closeSync(reader));
  const writer = openSync(fifo, constants.O_WRONLY);
  const child = startChild(context, ['3000', '8000000', '20000'], writer);
  closeSync(writer);
  const reporting = reportOf(child);
  let read = '';
  while (child.exitCode === null) {
    read += readAvailable(reader, 97, 10);
    await nextTurn();
  }
  read += readAvailable(reader, 97);
  const { dropped, errors } = await reporting;
  assert.deepEqual([dropped, errors], [1, []], 'only the line written after close() is dropped');
  assertWholeLines(read, 3_000);
});

test('a reader that goes away ends neither the process nor the counting', async (context) => {
  const child = startChild(context, ['100000', '8000000', '5000'], 'pipe');
  const stdout = child.stdout as Readable;
  await once(stdout, 'readable');
  stdout.destroy();
  const report = await reportOf(child);
  assert.ok(report.dropped > 0);
  assert.equal(report.errors.length, 1);
  assert.match(report.errors[0] ?? '', /EPIPE|ECONNRESET/);
});

test('stdout that is a file is written from the thread pool', async (context) => {
  const path = join(await temporaryFolder(context), 'stdout');
  const file = openSync(path, 'a');
  context.after(() => closeSync(file));
  const report = await reportOf(startChild(context, ['3000', '8000000', '5000'], file));
  assert.equal(report.dropped, 1);
  assertWholeLines(readFileSync(path, 'latin1'), 3_000);
});

test('a full disk: nothing is lost while there is memory, and reopening writes a cut line again, whole', async () => {
  const outlet = new ScriptedOutlet();
  const errors: Error[] = [];
  const sink = new BatchingLineSink(outlet, { flushDelayMs: 0, onError: (error) => errors.push(error) });
  sink.write('one\n');
  outlet.finish(null, 4);
  sink.write('two\n');
  outlet.finish(null, 2);
  outlet.finish(systemError('ENOSPC'), 0);
  sink.write('three\n');
  assert.equal(errors.length, 1);
  sink.reopen();
  outlet.finishReopen(null);
  outlet.finish(null, 4);
  outlet.finish(null, 6);
  assert.deepEqual(outlet.files, ['one\ntw', 'two\nthree\n']);
  await sink.close();
  assert.equal(outlet.closed, 1);
  assert.equal(sink.droppedLines, 0);
});

test('reopening waits for the end of a batch that the old file still takes', async () => {
  const outlet = new ScriptedOutlet();
  const sink = new BatchingLineSink(outlet, { flushDelayMs: 0 });
  sink.write('one\n');
  sink.reopen();
  outlet.finish(null, 2);
  outlet.finish(null, 2);
  outlet.finishReopen(null);
  sink.write('two\n');
  outlet.finish(null, 4);
  assert.deepEqual(outlet.files, ['one\n', 'two\n']);
  await sink.close();
});

test('close() gives up on a stuck outlet in time, counts what is lost, and leaves a descriptor in use open', async () => {
  const outlet = new ScriptedOutlet();
  const sink = new BatchingLineSink(outlet);
  for (const line of ['one\n', 'two\n', 'three\n']) sink.write(line);
  const closing = sink.close(10);
  await closing;
  assert.equal(sink.droppedLines, 3);
  assert.equal(outlet.closed, 0, 'the write is under way');
  outlet.finish(null, 4);
  assert.equal(outlet.closed, 1);
});

test('whatever an outlet does, files hold whole lines, each once and in order', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const random = mulberry32(0x51ce);
  for (let round = 0; round < 300; round++) {
    const outlet = new ScriptedOutlet();
    const sink = new BatchingLineSink(outlet, { flushDelayMs: round % 2 === 0 ? 0 : 100 });
    let count = 0;
    const total = 40;
    for (let steps = 0; count < total || outlet.isBusy || outlet.taken < count; steps++) {
      assert.ok(steps < 10_000, `round ${round} does not end: ${count} lines, ${outlet.taken} out`);
      const dice = random();
      if (dice < 0.4 && count < total) sink.write(`${count++}${'.'.repeat(random() * 20)}\n`);
      else if (dice < 0.5) sink.reopen();
      else if (outlet.isReopening) outlet.finishReopen(random() < 0.3 ? systemError('EACCES') : null);
      else if (outlet.isWriting) outlet.step(random);
      else {
        // The mock does not know refresh(), which sets the timer of a batch again.
        void sink.flush();
        context.mock.timers.tick(1_000);
      }
    }
    const pieces = outlet.files.map((file) => file.slice(0, file.lastIndexOf('\n') + 1));
    const numbers = pieces
      .join('')
      .split('\n')
      .slice(0, -1)
      .map((line) => Number.parseInt(line));
    assert.deepEqual(
      numbers,
      Array.from({ length: total }, (_, i) => i),
      `round ${round}`,
    );
    assert.equal(sink.droppedLines, 0);
  }
});

/** Does what the test says, when the test says it. */
class ScriptedOutlet implements LineOutlet {
  readonly recovers = true;
  readonly files = [''];
  closed = 0;
  #write: { readonly bytes: Uint8Array; readonly callback: WriteCallback } | undefined;
  #reopen: ((error: Error | null) => void) | undefined;

  get isWriting(): boolean {
    return this.#write !== undefined;
  }

  get isReopening(): boolean {
    return this.#reopen !== undefined;
  }

  get isBusy(): boolean {
    return this.isWriting || this.isReopening;
  }

  /** Whole lines that are out. */
  get taken(): number {
    return this.files.join('').split('\n').length - 1;
  }

  write(bytes: Uint8Array, callback: WriteCallback): void {
    assert.ok(!this.isBusy && bytes.length > 0);
    this.#write = { bytes, callback };
  }

  reopen(callback: (error: Error | null) => void): void {
    assert.ok(!this.isBusy);
    this.#reopen = callback;
  }

  close(): void {
    this.closed += 1;
  }

  finish(error: Error | null, written: number): void {
    assert.ok(this.#write);
    const { bytes, callback } = this.#write;
    this.#write = undefined;
    this.files.push((this.files.pop() ?? '') + Buffer.from(bytes.subarray(0, written)).toString());
    callback(error, written);
  }

  finishReopen(error: Error | null): void {
    const callback = this.#reopen;
    this.#reopen = undefined;
    if (error === null) this.files.push('');
    callback?.(error);
  }

  /** All, a part, nothing for now, or an error. */
  step(random: () => number): void {
    const length = this.#write?.bytes.length ?? 0;
    const dice = random();
    if (dice < 0.4) this.finish(null, length);
    else if (dice < 0.8) this.finish(null, Math.floor(random() * length) + (length === 1 ? 1 : 0));
    else this.finish(systemError(dice < 0.9 ? 'EAGAIN' : 'ENOSPC'), 0);
  }
}

interface ChildReport {
  readonly dropped: number;
  readonly errors: readonly string[];
  readonly writeMs: number;
}

function startChild(context: TestContext, args: readonly string[], stdout: 'pipe' | number): ChildProcess {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', stdout, 'pipe'] });
  context.after(() => child.kill('SIGKILL'));
  return child;
}

async function reportOf(child: ChildProcess): Promise<ChildReport> {
  const exited = once(child, 'exit');
  const stderr = await text(child.stderr as Readable);
  const [code] = (await exited) as [number | null];
  assert.equal(code, 0, stderr);
  return JSON.parse(stderr) as ChildReport;
}

function assertWholeLines(content: string, count: number): void {
  assert.ok(content.endsWith('\n'));
  const lines = content.split('\n').slice(0, -1);
  assert.equal(lines.length, count);
  let previous = -1;
  for (const line of lines) {
    const parsed = JSON.parse(line) as { readonly line: number };
    assert.ok(parsed.line > previous);
    previous = parsed.line;
  }
}

/** What can be read without waiting, in pieces of that size. */
function readAvailable(fd: number, pieceBytes: number, maxPieces: number = Infinity): string {
  const piece = Buffer.alloc(pieceBytes);
  let read = '';
  for (let pieces = 0; pieces < maxPieces; pieces++) {
    try {
      const length = readSync(fd, piece);
      if (length === 0) return read;
      read += piece.toString('latin1', 0, length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return read;
      throw error;
    }
  }
  return read;
}

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-line-sink-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function namedPipe(context: TestContext): Promise<string> {
  const path = join(await temporaryFolder(context), 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'took too long');
    await nextTurn();
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
