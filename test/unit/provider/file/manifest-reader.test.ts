// The process that reads: it comes and goes, and a file that is too much for it is a problem of that file alone.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import type { FileReading } from '../../../../src/provider/file/file-reading.ts';
import { ManifestReader, type ReaderLimits } from '../../../../src/provider/file/manifest-reader.ts';
import { httpRoute } from './manifests.ts';
import { TemporaryDirectory } from './temporary-directory.ts';

type Read = (...requests: [name: string, fingerprint?: string][]) => Promise<readonly FileReading[]>;

function fixture(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  limits?: Partial<ReaderLimits>,
): [ManifestReader, Read] {
  const directory = new TemporaryDirectory(t);
  directory.write(files);
  const reader = new ManifestReader(limits);
  t.after(() => reader.close());
  return [
    reader,
    (...requests) => reader.read(requests.map(([name, fingerprint]) => ({ file: directory.at(name), fingerprint }))),
  ];
}

/** The next process that is started. */
async function nextProcess(): Promise<ChildProcess> {
  const { promise, resolve } = Promise.withResolvers<ChildProcess>();
  const onStart = (message: unknown): void => resolve((message as { readonly process: ChildProcess }).process);
  subscribe('child_process', onStart);
  const started = await promise;
  unsubscribe('child_process', onStart);
  return started;
}

function outcome(reading: FileReading | undefined): string {
  if (reading?.outcome === 'failed') return `${reading.problem.code}: ${reading.problem.message}`;
  return reading?.outcome ?? 'nothing';
}

test('files are read in turn; a process with nothing to do ends, and the next file gets another one', async (t) => {
  const [, read] = fixture(t, { 'a.yaml': httpRoute('a'), 'b.yaml': 'a: [' }, { idleMs: 1 });
  const ended = nextProcess().then((worker) => once(worker, 'exit'));
  const [first, second] = await read(['a.yaml'], ['b.yaml']);
  assert.ok(first?.outcome === 'read');
  assert.deepEqual(
    first.content.objects.map(({ key }) => key),
    ['HTTPRoute/shop/a'],
  );
  assert.match(outcome(second), /^syntax: /);
  await ended;
  assert.deepEqual((await read(['a.yaml', first.fingerprint], ['a.yaml'])).map(outcome), ['unchanged', 'read']);
  assert.deepEqual(await read(), []);
});

test('a file that takes too long, and the one after it', async (t) => {
  // Starting the process takes longer than that.
  const [, read] = fixture(t, { 'a.yaml': httpRoute('a'), 'b.yaml': httpRoute('b') }, { maxFileMs: 1 });
  const late = 'too-complex: takes more than 1 ms to read';
  assert.deepEqual((await read(['a.yaml'], ['b.yaml'])).map(outcome), [late, late]);
});

test('a process that ends by itself costs the file that it was reading', async (t) => {
  const [, read] = fixture(t, { 'a.yaml': httpRoute('a'), 'b.yaml': httpRoute('b') });
  const started = nextProcess().then((worker) => worker.kill('SIGKILL'));
  const readings = await read(['a.yaml'], ['b.yaml']);
  await started;
  assert.deepEqual(readings.map(outcome), ['unreadable: cannot be read: the reading process ended', 'read']);
});

test('closing ends what is being read', async (t) => {
  const [reader, read] = fixture(t, { 'a.yaml': httpRoute('a') });
  const reading = assert.rejects(read(['a.yaml']), /closed/);
  await reader.close();
  await reading;
});

test('a process that runs out of memory costs the file that it was reading, and nothing else', async (t) => {
  const limits = { maxHeapMebibytes: 12 };
  const [, read] = fixture(
    t,
    { 'a.yaml': Array.from({ length: 3_000 }, (_, i) => httpRoute(`r${i}`)).join('---\n') },
    limits,
  );
  assert.deepEqual((await read(['a.yaml'])).map(outcome), ['too-complex: takes too much memory to read']);
});
