// Real files, real events: what people and machines do to a directory of manifests, and the one change that comes of it.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { createFileProvider } from '../../../../src/provider/file/file-provider.ts';
import { loadManifests } from '../../../../src/provider/file/manifest-loader.ts';
import type { ManifestChange } from '../../../../src/provider/file/manifest-set.ts';
import { badHttpRoute, configMap, httpRoute, join } from './manifests.ts';
import { TemporaryDirectory } from './temporary-directory.ts';

/** Less than the time between looks that no event asks for, and far more than a change takes. */
const MAX_WAIT_MS = 8_000;

/** A whole turn of the event loop: events are delivered in it, handles closed. */
async function turn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

/** Follows a directory. `next` gives the changes one by one, as `put a, b; remove c; problems …`; nothing is left out. */
class Follower {
  readonly #waiting: ((change: ManifestChange) => void)[] = [];
  readonly #changes: ManifestChange[] = [];
  readonly first: Promise<ManifestChange>;

  constructor(t: TestContext, paths: readonly string[]) {
    const provider = createFileProvider({
      paths,
      logger: { warn: (fields, message) => assert.fail(`${message} ${JSON.stringify(fields)}`) },
      onChange: (change) => {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#changes.push(change);
        else waiting(change);
      },
    });
    // Watches of one directory share their events in a process: those of what the test wrote so far must be gone.
    this.first = turn().then(() => provider.start());
    t.after(() => provider.close());
  }

  async nextChange(): Promise<ManifestChange> {
    const change = this.#changes.shift();
    if (change !== undefined) return change;
    const { promise, resolve, reject } = Promise.withResolvers<ManifestChange>();
    this.#waiting.push(resolve);
    const timer = setTimeout(() => reject(new Error(`no change within ${MAX_WAIT_MS} ms`)), MAX_WAIT_MS);
    return await promise.finally(() => clearTimeout(timer));
  }

  async next(): Promise<string> {
    return summary(await this.nextChange());
  }
}

function summary({ put, remove, problems }: ManifestChange): string {
  const names = (objects: readonly { kind: string; name: string }[]): string =>
    objects
      .filter(({ kind }) => kind !== 'GatewayClass' && kind !== 'Namespace')
      .map(({ name }) => name)
      .toSorted()
      .join(' ');
  const codes = problems.map(({ code }) => code).join(' ');
  const parts = [
    ['put', names(put.map(({ kind, metadata: { name } }) => ({ kind, name })))],
    ['remove', names(remove)],
    ['problems', codes],
  ];
  return parts.flatMap(([verb, text]) => (text === '' ? [] : [`${verb} ${text}`])).join('; ');
}

async function follow(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<[TemporaryDirectory, Follower]> {
  const directory = new TemporaryDirectory(t);
  directory.write(files);
  const follower = new Follower(t, [directory.at('config')]);
  await follower.first;
  return [directory, follower];
}

test('a directory that is followed', async (t) => {
  const directory = new TemporaryDirectory(t);
  directory.write({ 'config/a.yaml': httpRoute('a') });
  const follower = new Follower(t, [directory.at('config')]);

  await t.test('has what is in it at the start', async () => {
    assert.equal(summary(await follower.first), 'put a');
  });

  await t.test('files that are written, replaced, removed', async () => {
    const b = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } };
    directory.write({ 'config/b.json': JSON.stringify(b) });
    assert.equal(await follower.next(), 'put b');
    directory.replace('config/a.yaml', httpRoute('a', 'other'));
    const change = await follower.nextChange();
    assert.equal(summary(change), 'put a');
    assert.equal(change.put[0]?.metadata.generation, 2);
    directory.write({ 'config/a.yaml': join(httpRoute('a', 'other'), httpRoute('c')) });
    assert.equal(await follower.next(), 'put c', 'a is the same object');
    directory.remove('config/a.yaml');
    assert.equal(await follower.next(), 'remove a c');
  });

  await t.test('a file that breaks and is mended', async () => {
    directory.write({ 'config/d.yaml': join(httpRoute('d'), httpRoute('e')) });
    assert.equal(await follower.next(), 'put d e');
    directory.write({ 'config/d.yaml': 'd: [' });
    assert.equal(await follower.next(), 'problems syntax');
    directory.write({ 'config/d.yaml': join(badHttpRoute('d'), httpRoute('e', 'other')) });
    assert.equal(await follower.next(), 'put e; problems unknown-field');
    directory.write({ 'config/d.yaml': join(httpRoute('d', 'mended'), httpRoute('e', 'other')) });
    assert.equal(await follower.next(), 'put d');
  });

  await t.test('many files at once are one change', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `m${i}`);
    directory.write(Object.fromEntries(names.map((name) => [`config/many/${name}.yaml`, configMap(name, '{a: b}')])));
    assert.equal(await follower.next(), `put ${names.toSorted().join(' ')}`);
    directory.write({ 'config/f.yaml': httpRoute('f') });
    assert.equal(await follower.next(), 'put f', 'and no second one');
  });

  await t.test('what makes no difference is no change', async () => {
    directory.write({ 'config/README.md': 'x', 'config/f.yaml': `# a comment\n${httpRoute('f')}` });
    // Time enough for the look that finds nothing; without it, the test would only prove less.
    await delay(150);
    directory.write({ 'config/g.yaml': httpRoute('g') });
    assert.equal(await follower.next(), 'put g');
  });

  await t.test('objects that move between files and directories', async () => {
    directory.write({ 'config/f.yaml': '', 'config/g.yaml': join(httpRoute('g', 'other'), httpRoute('f')) });
    assert.equal(await follower.next(), 'put g');
    directory.makeDirectory('config/deeper/down');
    directory.rename('config/g.yaml', 'config/deeper/down/g.yaml');
    directory.write({ 'config/h.yaml': httpRoute('h') });
    assert.equal(await follower.next(), 'put h');
    directory.write({ 'config/deeper/down/g.yaml': httpRoute('f') });
    assert.equal(await follower.next(), 'remove g', 'the new directory is followed as well');
  });

  await t.test('files are left to settle before they are read', async () => {
    const writtenAtMs = performance.now();
    directory.write({ 'config/h.yaml': httpRoute('h', 'other') });
    assert.equal(await follower.next(), 'put h');
    assert.ok(performance.now() - writtenAtMs >= 49);
  });

  await t.test('directories that are gone are no longer watched', async () => {
    const watches = async (): Promise<number> => {
      await turn();
      return process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
    };
    const before = await watches();
    directory.write({ 'config/i/i/i.yaml': httpRoute('i') });
    assert.equal(await follower.next(), 'put i');
    assert.equal(await watches(), before + 2);
    directory.remove('config/i');
    assert.equal(await follower.next(), 'remove i');
    assert.equal(await watches(), before);
  });
});

describe('places that are followed', { concurrency: 3 }, () => {
  test('a mounted ConfigMap whose content is swapped', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({ 'mount/..1/a.yaml': httpRoute('a'), 'mount/..1/gone.yaml': httpRoute('gone') });
    directory.link('..1', 'mount/..data');
    directory.link('..data/a.yaml', 'mount/a.yaml');
    directory.link('..data/gone.yaml', 'mount/gone.yaml');
    const follower = new Follower(t, [directory.at('mount')]);
    assert.equal(summary(await follower.first), 'put a gone');
    for (const round of [2, 3]) {
      directory.write({ [`mount/..${round}/a.yaml`]: httpRoute('a', `app${round}`) });
      directory.link(`..${round}`, 'mount/..data_tmp');
      directory.rename('mount/..data_tmp', 'mount/..data');
      if (round === 2) directory.remove('mount/gone.yaml');
      assert.equal(await follower.next(), round === 2 ? 'put a; remove gone' : 'put a');
      directory.remove(`mount/..${round - 1}`);
    }
  });

  test('a directory that another one takes the place of', async (t) => {
    const [directory, follower] = await follow(t, { 'config/a.yaml': httpRoute('a'), 'next/b.yaml': httpRoute('b') });
    directory.rename('config', 'old');
    directory.rename('next', 'config');
    assert.equal(await follower.next(), 'put b; remove a');
    directory.write({ 'config/c.yaml': httpRoute('c') });
    assert.equal(await follower.next(), 'put c');
    directory.write({ 'old/a.yaml': httpRoute('a', 'other'), 'config/d.yaml': httpRoute('d') });
    assert.equal(await follower.next(), 'put d');
  });

  test('a path that goes away keeps what it had, until it is there again', async (t) => {
    const [directory, follower] = await follow(t, { 'config/a.yaml': httpRoute('a'), 'config/b.yaml': httpRoute('b') });
    directory.remove('config');
    assert.equal(await follower.next(), 'problems missing');
    directory.makeDirectory('config');
    directory.write({ 'config/b.yaml': httpRoute('b') });
    assert.equal(await follower.next(), 'remove a');
    directory.write({ 'config/c.yaml': httpRoute('c') });
    assert.equal(await follower.next(), 'put c');
  });

  test('links: a directory that is switched, a file elsewhere', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({
      'v1/a.yaml': httpRoute('a'),
      'v2/a.yaml': httpRoute('a', 'other'),
      'elsewhere/b.yaml': httpRoute('b'),
    });
    directory.link('v1', 'current');
    for (const version of ['v1', 'v2']) directory.link('../elsewhere/b.yaml', `${version}/b.yaml`);
    const follower = new Follower(t, [directory.at('current')]);
    assert.equal(summary(await follower.first), 'put a b');
    directory.link('v2', 'current.new');
    directory.rename('current.new', 'current');
    assert.equal(await follower.next(), 'put a');
    directory.write({ 'v2/c.yaml': httpRoute('c') });
    assert.equal(await follower.next(), 'put c');
    directory.write({ 'elsewhere/b.yaml': httpRoute('b', 'other') });
    assert.equal(await follower.next(), 'put b');
  });

  test('files that are named, one of them not there yet', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({ 'a.yaml': httpRoute('a'), 'not-named.yaml': httpRoute('x') });
    const follower = new Follower(t, [directory.at('a.yaml'), directory.at('later/b.yaml')]);
    assert.equal(summary(await follower.first), 'put a; problems missing');
    directory.write({ 'later/b.yaml': httpRoute('b') });
    assert.equal(await follower.next(), 'put b');
    directory.replace('a.yaml', httpRoute('a', 'other'));
    assert.equal(await follower.next(), 'put a');
  });

  test('a change while the first load is going on', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({ 'a.yaml': httpRoute('a') });
    const follower = new Follower(t, [directory.path]);
    directory.write({ 'b.yaml': httpRoute('b') });
    const { put } = await follower.first;
    const seen = put.some(({ metadata }) => metadata.name === 'b');
    if (!seen) assert.equal(await follower.next(), 'put b');
  });

  test('closing while files are read', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({ 'a.yaml': httpRoute('a') });
    const provider = createFileProvider({ paths: [directory.path], onChange: () => assert.fail() });
    const started = assert.rejects(provider.start(), /closed/);
    await provider.close();
    await started;
  });
});

test('what no event tells of is found by looking now and then', async (t) => {
  const directory = new TemporaryDirectory(t);
  directory.write({ 'v1.yaml': httpRoute('a'), 'v2.yaml': httpRoute('a', 'other') });
  directory.makeDirectory('config');
  // A link to a link: where the second one is, only that directory itself is watched.
  directory.link('../current.yaml', 'config/a.yaml');
  directory.link('v1.yaml', 'current.yaml');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { promise, resolve } = Promise.withResolvers<ManifestChange>();
  const provider = createFileProvider({ paths: [directory.at('config')], onChange: resolve });
  t.after(() => provider.close());
  assert.equal(summary(await provider.start()), 'put a');
  directory.link('v2.yaml', 'new.yaml');
  directory.rename('new.yaml', 'current.yaml');
  t.mock.timers.tick(10_000);
  assert.equal(summary(await promise), 'put a');
});

describe('manifests that are read once', () => {
  test('objects, problems, counts and places', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({
      'a.yaml': join(httpRoute('a'), 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n'),
      'b.yaml': join(badHttpRoute('b'), configMap('c', '{d: e}')),
    });
    const { objects, problems, skipped, places } = await loadManifests([directory.path]);
    const names = objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`);
    assert.deepEqual(names.toSorted(), ['ConfigMap c', 'GatewayClass sluice', 'HTTPRoute a', 'Namespace shop']);
    assert.deepEqual(
      problems.map(({ code, object }) => `${code} ${object}`),
      ['unknown-field HTTPRoute shop/b'],
    );
    assert.deepEqual(skipped, { Deployment: 1 });
    assert.deepEqual(places.get('ConfigMap/shop/c'), { file: directory.at('b.yaml'), line: 9, column: 1 });
  });

  test('a path with nothing there', async () => {
    const { objects, problems } = await loadManifests(['/nonexistent']);
    assert.deepEqual([objects.length, problems.map(({ code }) => code)], [1, ['missing']]);
  });
});
