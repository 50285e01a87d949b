// Which files are found, in which order, and what becomes of those that can't be looked at any more.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { discover, MAX_FILES, type Discovery, type FoundFile } from '../../../../src/provider/file/discovery.ts';
import { TemporaryDirectory } from './temporary-directory.ts';
import { withoutRoot } from './without-root.ts';

const FILES = { 'a.yaml': '', 'b/c.yml': '', 'b/d.json': '', 'b.yaml': '' };

function fixture(t: TestContext, files: Readonly<Record<string, string>> = FILES): TemporaryDirectory {
  const directory = new TemporaryDirectory(t);
  directory.write(files);
  return directory;
}

function names({ files }: Discovery, { path }: TemporaryDirectory): string[] {
  return files.map((file) => relative(path, file.path));
}

function problems({ problems: all }: Discovery, { path }: TemporaryDirectory): string[] {
  return all.map(({ file, code }) => `${relative(path, file)} ${code}`);
}

function byPath(files: readonly FoundFile[]): ReadonlyMap<string, FoundFile> {
  return new Map(files.map((file) => [file.path, file]));
}

describe('what is found', () => {
  test('manifests in all directories, in order of their names', async (t) => {
    const directory = fixture(t, { ...FILES, 'B.yaml': '', 'README.md': '', 'c.yaml~': '', yaml: '', 'b/e.txt': '' });
    const found = await discover([directory.path]);
    assert.deepEqual(names(found, directory), ['B.yaml', 'a.yaml', 'b/c.yml', 'b/d.json', 'b.yaml']);
    assert.deepEqual(found.problems, []);
  });

  test('paths in the order in which they are given, each file once', async (t) => {
    const directory = fixture(t);
    const found = await discover([
      directory.at('b.yaml'),
      directory.at('b'),
      directory.path,
      `${directory.path}/`,
      directory.at('b/d.json'),
    ]);
    assert.deepEqual(names(found, directory), ['b.yaml', 'b/c.yml', 'b/d.json', 'a.yaml']);
  });

  test('a file that is named may have any name', async (t) => {
    const directory = fixture(t, { '.hidden': '', manifests: '' });
    assert.deepEqual(names(await discover([directory.at('.hidden'), directory.at('manifests')]), directory), [
      '.hidden',
      'manifests',
    ]);
  });

  test('nothing hidden', async (t) => {
    const directory = fixture(t, {
      '.git/a.yaml': '',
      '.a.yaml.swp': '',
      '.a.yaml': '',
      'b/.c/d.yaml': '',
      '.yaml': '',
    });
    assert.deepEqual(names(await discover([directory.path]), directory), []);
  });

  test('below a hidden directory that is named', async (t) => {
    const directory = fixture(t, { '.config/a.yaml': '' });
    assert.deepEqual(names(await discover([directory.at('.config')]), directory), ['.config/a.yaml']);
  });

  test('a mounted ConfigMap once', async (t) => {
    const directory = fixture(t, { '..2024_01/a.yaml': '', '..2024_01/b.yaml': '' });
    directory.link('..2024_01', '..data');
    directory.link('..data/a.yaml', 'a.yaml');
    directory.link('..data/b.yaml', 'b.yaml');
    const found = await discover([directory.path]);
    assert.deepEqual([names(found, directory), found.problems], [['a.yaml', 'b.yaml'], []]);
  });

  test('links to files and directories, each file once', async (t) => {
    const directory = fixture(t, { 'tree/a.yaml': '', 'elsewhere/b.yaml': '' });
    directory.link('a.yaml', 'tree/again.yaml');
    directory.link('../elsewhere', 'tree/linked');
    directory.link('../elsewhere/b.yaml', 'tree/z.yaml');
    directory.link('a.yaml', 'tree/other-name');
    assert.deepEqual(names(await discover([directory.at('tree')]), directory), ['tree/a.yaml', 'tree/linked/b.yaml']);
  });

  test('links that lead in a circle', async (t) => {
    const directory = fixture(t, { 'a.yaml': '', 'b/c.yaml': '' });
    directory.link('..', 'b/up');
    directory.link('.', 'here');
    const found = await discover([directory.path]);
    assert.deepEqual([names(found, directory), found.problems], [['a.yaml', 'b/c.yaml'], []]);
  });

  test('no pipes', { timeout: 10_000 }, async (t) => {
    const directory = fixture(t, { 'a.yaml': '' });
    execFileSync('mkfifo', [directory.at('pipe.yaml')]);
    assert.deepEqual(names(await discover([directory.path]), directory), ['a.yaml']);
    assert.deepEqual(problems(await discover([directory.at('pipe.yaml')]), directory), ['pipe.yaml unreadable']);
  });
});

describe('what is wrong', () => {
  test('a path with nothing there', async (t) => {
    const directory = fixture(t);
    const found = await discover([directory.at('none'), directory.at('b')]);
    assert.deepEqual(problems(found, directory), ['none missing']);
    assert.deepEqual(names(found, directory), ['b/c.yml', 'b/d.json']);
  });

  test('links that lead nowhere, or to themselves', async (t) => {
    const directory = fixture(t);
    directory.link('nowhere', 'x.yaml');
    directory.link('y.yaml', 'y.yaml');
    const found = await discover([directory.path]);
    assert.deepEqual(problems(found, directory), ['x.yaml broken-link', 'y.yaml broken-link']);
    assert.equal(found.files.length, 4);
  });

  test('a directory that must not be read', async (t) => {
    const directory = fixture(t);
    directory.chmod('.', 0o755);
    const before = await discover([directory.path]);
    directory.chmod('b', 0);
    const found = await withoutRoot(() => discover([directory.path], { known: byPath(before.files) }));
    assert.deepEqual(problems(found, directory), ['b forbidden']);
    assert.deepEqual(
      found.files.map(({ signature }) => signature),
      before.files.map(({ signature }) => signature),
    );
  });
});

describe('what was known', () => {
  test('is gone when it is gone', async (t) => {
    const directory = fixture(t);
    const before = await discover([directory.path]);
    directory.remove('b');
    directory.remove('a.yaml');
    const found = await discover([directory.path], { known: byPath(before.files) });
    assert.deepEqual([names(found, directory), found.problems], [['b.yaml'], []]);
  });

  test('stays when its path is missing', async (t) => {
    const directory = fixture(t);
    const paths = [directory.at('b'), directory.at('a.yaml')];
    const before = await discover(paths);
    directory.remove('b');
    directory.remove('a.yaml');
    const found = await discover(paths, { known: byPath(before.files) });
    assert.deepEqual(problems(found, directory), ['b missing', 'a.yaml missing']);
    assert.deepEqual(found.files, before.files);
  });

  test('stays when its link leads nowhere', async (t) => {
    const directory = fixture(t, { 'target/a.yaml': '', 'tree/b.yaml': '' });
    directory.link('../target', 'tree/linked');
    const before = await discover([directory.at('tree')]);
    directory.remove('target');
    const found = await discover([directory.at('tree')], { known: byPath(before.files) });
    assert.deepEqual(problems(found, directory), ['tree/linked broken-link']);
    assert.deepEqual(names(found, directory).toSorted(), ['tree/b.yaml', 'tree/linked/a.yaml']);
  });

  test('is not pushed out by new files', async (t) => {
    const directory = fixture(t);
    const stays: FoundFile = { path: directory.at('b.yaml'), signature: '', isSettled: true };
    const others = Array.from({ length: MAX_FILES - 1 }, (_, i) => ({ ...stays, path: `gone-${i}` }));
    const found = await discover([directory.path], { known: byPath([stays, ...others]) });
    assert.deepEqual([names(found, directory), problems(found, directory)], [['b.yaml'], ['a.yaml too-many-files']]);
    assert.match(found.problems[0]?.message ?? '', /2 more/);
  });
});

describe('signatures', () => {
  async function signature(directory: TemporaryDirectory): Promise<FoundFile> {
    const { files } = await discover([directory.at('a.yaml')]);
    return files[0] as FoundFile;
  }

  test('differ after a change', async (t) => {
    const directory = fixture(t, { 'a.yaml': 'a' });
    const seen = new Set([(await signature(directory)).signature]);
    directory.write({ 'a.yaml': 'ab' });
    seen.add((await signature(directory)).signature);
    directory.replace('a.yaml', 'ba');
    seen.add((await signature(directory)).signature);
    assert.equal(seen.size, 3);
    assert.ok(seen.has((await signature(directory)).signature), 'and only then');
  });

  test('are not trusted right after a change', async (t) => {
    const directory = fixture(t, { 'a.yaml': 'a' });
    assert.equal((await signature(directory)).isSettled, false);
    utimesSync(directory.at('a.yaml'), 1_700_000_000, 1_700_000_000);
    assert.equal((await signature(directory)).isSettled, false, 'its status changed just now');
  });
});

test('directories are told before they are read, with those above and those behind links', async (t) => {
  const directory = fixture(t, { 'tree/b/c.yaml': '', 'elsewhere/d.yaml': '' });
  directory.link('../elsewhere/d.yaml', 'tree/d.yaml');
  const told: string[] = [];
  const observer = {
    onDirectory: (path: string, entry?: string): void => {
      if (path.startsWith(directory.path))
        told.push(relative(directory.path, path) + (entry === undefined ? '' : ` ${entry}`));
    },
  };
  await discover([directory.at('tree')], { observer });
  assert.deepEqual(told, [' tree', 'tree', 'tree/b', 'elsewhere d.yaml']);
});
