// Which events are worth a look.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { DirectoryWatcher } from '../../../../src/provider/file/directory-watcher.ts';
import { TemporaryDirectory } from './temporary-directory.ts';
import { withoutRoot } from './without-root.ts';

class Events {
  count = 0;
  failures: string[] = [];
  readonly watcher: DirectoryWatcher;
  #wake: () => void = () => undefined;

  constructor(t: TestContext) {
    this.watcher = new DirectoryWatcher({
      onEvent: () => {
        this.count++;
        this.#wake();
      },
      onFailure: (directory) => this.failures.push(directory),
    });
    t.after(() => this.watcher.close());
  }

  /** Until there is one, of which there was none before. */
  async first(): Promise<void> {
    if (this.count === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

async function watches(): Promise<number> {
  // Handles are closed at the end of a turn, after immediates.
  await setImmediate();
  await setImmediate();
  return process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
}

describe('directories that are watched', { timeout: 10_000 }, () => {
  test('say that something changed', async (t) => {
    const directory = new TemporaryDirectory(t);
    const events = new Events(t);
    events.watcher.onDirectory(directory.path);
    directory.write({ 'a.yaml': '' });
    await events.first();
  });

  test('names that do not matter are passed over', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.makeDirectory('some');
    const [all, some] = [new Events(t), new Events(t)];
    some.watcher.onDirectory(directory.at('some'), 'a.yaml');
    some.watcher.onDirectory(directory.path);
    all.watcher.onDirectory(directory.at('some'));
    directory.write({ '.hidden': '', 'some/b.yaml': '' });
    // Events come in order: after this one, the others have come.
    await all.first();
    assert.equal(some.count, 0);
    directory.write({ 'some/a.yaml': '' });
    await some.first();
  });

  test('the name of a ConfigMap’s data matters', async (t) => {
    const directory = new TemporaryDirectory(t);
    const events = new Events(t);
    events.watcher.onDirectory(directory.path);
    directory.link('..1', '..data');
    await events.first();
  });

  test('are let go when nobody wants them', async (t) => {
    const directory = new TemporaryDirectory(t);
    const { watcher } = new Events(t);
    const before = await watches();
    watcher.onDirectory(directory.path);
    watcher.onDirectory(directory.path, 'a');
    assert.equal(await watches(), before + 1);
    watcher.sweep();
    assert.equal(await watches(), before + 1);
    watcher.sweep();
    assert.equal(await watches(), before);
    watcher.onDirectory(directory.path);
    watcher.close();
    assert.equal(await watches(), before);
  });

  test('what must not be read is a failure, unless one name in it matters', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.chmod('.', 0o711);
    const events = new Events(t);
    await withoutRoot(() => events.watcher.onDirectory(directory.path, 'a'));
    assert.deepEqual(events.failures, []);
    await withoutRoot(() => events.watcher.onDirectory(directory.path));
    assert.deepEqual(events.failures, [directory.path]);
  });

  test('what is not there is no failure', (t) => {
    const events = new Events(t);
    events.watcher.onDirectory('/nonexistent');
    assert.deepEqual(events.failures, []);
  });
});
