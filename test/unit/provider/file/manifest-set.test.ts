// What is in force when files, objects and mistakes come and go. Nothing good is removed by something bad.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '../../../../src/api/object.ts';
import { formatFileProblem, wholeFileProblem } from '../../../../src/provider/file/file-problem.ts';
import { manifestKey, type FileReading, type ManifestContent } from '../../../../src/provider/file/file-reading.ts';
import { ManifestSet, type ManifestChange } from '../../../../src/provider/file/manifest-set.ts';

/** `a=1` is the ConfigMap a with the value 1, `a!` a bad one of that name, `?` something bad without a name. */
type Sketch = string;

function object(name: string, value: string, namespace = 'shop'): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } } as KubernetesObject;
}

function content(sketch: Sketch): ManifestContent {
  const words = sketch.split(' ').filter((word) => word !== '');
  const names = (pattern: RegExp): string[] => words.flatMap((word) => pattern.exec(word)?.[1] ?? []);
  return {
    objects: words
      .filter((word) => word.includes('='))
      .map((word, index) => {
        const [name = '', value = ''] = word.split('=');
        return { key: manifestKey('ConfigMap', 'shop', name), object: object(name, value), line: index + 1, column: 1 };
      }),
    badKeys: names(/^(\w+)!$/).map((name) => manifestKey('ConfigMap', 'shop', name)),
    hasUnknownBad: words.includes('?'),
    problems: words.filter((word) => /[!?]$/.test(word)).map((word) => wholeFileProblem('x', 'value', `bad ${word}`)),
    skipped: names(/^#(\w+)$/).map((kind) => [kind, 1]),
  };
}

class Fixture {
  readonly #set = new ManifestSet();
  readonly #paths = new Set<string>();
  readonly #inForce = new Map<string, KubernetesObject>();
  last: ManifestChange = { put: [], remove: [], problems: [], skipped: {} };

  /** Files in order of their names; `broken` can't be parsed, undefined is gone. Gives what is in force afterwards. */
  update(files: Readonly<Record<string, Sketch | undefined>>): string {
    const readings = new Map<string, FileReading>();
    for (const [path, sketch] of Object.entries(files)) {
      this.#paths.add(path);
      if (sketch === undefined) this.#paths.delete(path);
      else if (sketch === 'broken')
        readings.set(path, { outcome: 'failed', problem: wholeFileProblem(path, 'syntax', 'is broken') });
      else readings.set(path, { outcome: 'read', fingerprint: sketch, content: content(sketch) });
    }
    this.last = this.#set.update([...this.#paths].toSorted(), readings, []);
    for (const { kind, namespace, name } of this.last.remove)
      assert.ok(this.#inForce.delete(manifestKey(kind, namespace, name)));
    for (const put of this.last.put)
      this.#inForce.set(manifestKey(put.kind, put.metadata.namespace, put.metadata.name), put);
    return this.text();
  }

  get(name: string): KubernetesObject | undefined {
    return this.#inForce.get(manifestKey('ConfigMap', 'shop', name));
  }

  keys(): string[] {
    return [...this.#inForce.keys()].toSorted();
  }

  generation(name: string): number | undefined {
    return this.get(name)?.metadata.generation;
  }

  text(): string {
    const objects = [...this.#inForce.values()].filter(({ kind }) => kind === 'ConfigMap') as unknown as {
      metadata: { name: string };
      data: { value: string };
    }[];
    return objects
      .map(({ metadata, data }) => `${metadata.name}=${data.value}`)
      .toSorted()
      .join(' ');
  }

  put(): string[] {
    return this.last.put.map(({ metadata }) => metadata.name);
  }
}

describe('files and objects that come and go', () => {
  const CASES: [string, Readonly<Record<string, Sketch | undefined>>[], string][] = [
    ['a document is removed', [{ f: 'a=1 b=1' }, { f: 'b=1' }], 'b=1'],
    ['a file is removed', [{ f: 'a=1', g: 'b=1' }, { f: undefined }], 'b=1'],
    [
      'an object moves',
      [
        { f: 'a=1', g: '' },
        { f: '', g: 'a=1' },
      ],
      'a=1',
    ],
    ['a bad version', [{ f: 'a=1' }, { f: 'a!' }], 'a=1'],
    ['a bad version twice', [{ f: 'a=1' }, { f: 'a!' }, { f: 'a! b=1' }], 'a=1 b=1'],
    ['a bad version from the start', [{ f: 'a!' }], ''],
    ['a bad version that is mended', [{ f: 'a=1' }, { f: 'a!' }, { f: 'a=2' }], 'a=2'],
    ['a bad version whose object is removed', [{ f: 'a=1' }, { f: 'a!' }, { f: '' }], ''],
    ['a bad version, and another object is removed', [{ f: 'a=1 b=1' }, { f: 'a!' }], 'a=1'],
    ['a bad version in a file that is removed', [{ f: 'a=1' }, { f: 'a!' }, { f: undefined }], ''],
    ['something without a name may be any object', [{ f: 'a=1 b=1' }, { f: 'b=2 ?' }], 'a=1 b=2'],
    [
      '… of its own file',
      [
        { f: 'a=1', g: 'b=1' },
        { f: undefined, g: '?' },
      ],
      'b=1',
    ],
    ['… until it is mended', [{ f: 'a=1 b=1' }, { f: 'b=2 ?' }, { f: 'b=2' }], 'b=2'],
    ['a file that cannot be parsed', [{ f: 'a=1 b=1' }, { f: 'broken' }], 'a=1 b=1'],
    ['… and is mended', [{ f: 'a=1 b=1' }, { f: 'broken' }, { f: 'a=2' }], 'a=2'],
    ['… and is removed', [{ f: 'a=1 b=1' }, { f: 'broken' }, { f: undefined }], ''],
    ['… keeps what was kept already', [{ f: 'a=1' }, { f: 'a! b=1' }, { f: 'broken' }, { f: 'a! b=2' }], 'a=1 b=2'],
    ['the first file has the say', [{ f: 'a=1', g: 'a=2' }], 'a=1'],
    ['the first place in a file has the say', [{ f: 'a=1 a=2' }], 'a=1'],
    ['the second file follows', [{ f: 'a=1', g: 'a=2' }, { f: undefined }], 'a=2'],
    ['an earlier file takes over', [{ g: 'a=2' }, { f: 'a=1' }], 'a=1'],
    ['a bad version in the first file, good before', [{ f: 'a=1', g: 'a=2' }, { f: 'a!' }], 'a=1'],
    ['a bad version in the first file, never good', [{ f: 'a!', g: 'a=2' }], 'a=2'],
    [
      'an object moves and breaks',
      [
        { f: 'a=1', g: '' },
        { f: '', g: 'a!' },
      ],
      'a=1',
    ],
    ['… and stays broken', [{ f: 'a=1', g: '' }, { f: '', g: 'a!' }, { g: 'a! b=1' }], 'a=1 b=1'],
    ['… and is removed', [{ f: 'a=1', g: '' }, { f: '', g: 'a!' }, { g: '' }], ''],
  ];
  for (const [name, steps, expected] of CASES) {
    test(name, () => {
      const fixture = new Fixture();
      for (const step of steps) fixture.update(step);
      assert.equal(fixture.text(), expected);
    });
  }
});

describe('changes', () => {
  test('an object that did not change stays the same object', () => {
    const fixture = new Fixture();
    fixture.update({ f: 'a=1 b=1' });
    const a = fixture.get('a');
    fixture.update({ f: 'b=2 a=1' });
    assert.deepEqual(fixture.put(), ['b']);
    fixture.update({ f: 'b=2', g: 'a=1' });
    assert.deepEqual([fixture.put(), fixture.last.remove], [[], []]);
    assert.equal(fixture.get('a'), a);
  });

  test('the parts of an object that did not change stay the same', () => {
    const set = new ManifestSet();
    const read = (labels: Record<string, string>): KubernetesObject => {
      const next = { ...object('a', '1'), metadata: { name: 'a', namespace: 'shop', labels } };
      const { objects, ...rest } = content('a=1');
      const reading: FileReading = {
        outcome: 'read',
        fingerprint: '',
        content: { ...rest, objects: [{ ...objects[0]!, object: next }] },
      };
      return set.update(['f'], new Map([['f', reading]]), []).put[0] as KubernetesObject;
    };
    const first = read({ l: '1' }) as unknown as { data: object };
    const second = read({ l: '2' }) as unknown as { data: object; metadata: { generation: number } };
    assert.notEqual(first, second);
    assert.equal(first.data, second.data);
    assert.equal(second.metadata.generation, 1, 'metadata is no reason for a new generation');
  });

  test('generations count the versions of the content', () => {
    const fixture = new Fixture();
    fixture.update({ f: 'a=1 b=1' });
    assert.equal(fixture.generation('a'), 1);
    fixture.update({ f: 'a=2 b=1' });
    fixture.update({ f: 'a!' });
    fixture.update({ f: 'a=3 b=1' });
    assert.deepEqual([fixture.generation('a'), fixture.generation('b')], [3, 1]);
    fixture.update({ f: '' });
    fixture.update({ f: 'a=3' });
    assert.equal(fixture.generation('a'), 1, 'another object of that name');
  });

  test('nothing is invented', () => {
    const fixture = new Fixture();
    fixture.update({ f: 'a=1' });
    assert.deepEqual(fixture.get('a')?.metadata, { name: 'a', namespace: 'shop', generation: 1 });
  });

  test('problems and counts are all that there are, and the same while they are equal', () => {
    const fixture = new Fixture();
    fixture.update({ f: 'a! #Pod', g: '#Pod #Job' });
    const { problems, skipped } = fixture.last;
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['bad a!'],
    );
    assert.deepEqual(skipped, { Pod: 2, Job: 1 });
    fixture.update({ h: 'c=1' });
    assert.equal(fixture.last.problems, problems);
    assert.equal(fixture.last.skipped, skipped);
    fixture.update({ f: '', g: '' });
    assert.deepEqual([fixture.last.problems, fixture.last.skipped], [[], {}]);
  });

  test('a second version is a problem that names both places', () => {
    const fixture = new Fixture();
    fixture.update({ f: 'b=1 a=1', g: 'a=2' });
    assert.deepEqual(fixture.last.problems.map(formatFileProblem), [
      'g:1:1 ConfigMap shop/a\n  is already in f:2:1, which counts; remove one of the two',
    ]);
  });
});

describe('what exists without a manifest', () => {
  const namespace = (name: string, labels = {}): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  });

  function update(set: ManifestSet, objects: readonly KubernetesObject[]): ManifestChange {
    const manifests = objects.map((each) => ({
      key: manifestKey(each.kind, each.metadata.namespace, each.metadata.name),
      object: each,
      line: 1,
      column: 1,
    }));
    const reading: FileReading = { outcome: 'read', fingerprint: '', content: { ...content(''), objects: manifests } };
    return set.update(['f'], new Map([['f', reading]]), []);
  }

  test('the namespaces of objects, with their label, while they are in use', () => {
    const fixture = new Fixture();
    fixture.update({ f: 'a=1' });
    assert.deepEqual(fixture.keys(), ['ConfigMap/shop/a', 'GatewayClass//sluice', 'Namespace//shop']);
    const implied = fixture.last.put.find(({ kind }) => kind === 'Namespace');
    assert.deepEqual(implied?.metadata, {
      name: 'shop',
      labels: { 'kubernetes.io/metadata.name': 'shop' },
      generation: 1,
    });
    fixture.update({ f: 'a=2' });
    assert.deepEqual(fixture.put(), ['a']);
    fixture.update({ f: '' });
    assert.deepEqual(fixture.keys(), ['GatewayClass//sluice']);
  });

  test('a namespace that is declared counts', () => {
    const set = new ManifestSet();
    update(set, [object('a', '1')]);
    const { put } = update(set, [object('a', '1'), namespace('shop', { team: 'red' })]);
    assert.deepEqual(
      put.map(({ metadata }) => metadata.labels),
      [{ team: 'red' }],
    );
    const back = update(set, [object('a', '1')]);
    assert.deepEqual(
      [back.put.map(({ metadata }) => metadata.labels), back.remove],
      [[{ 'kubernetes.io/metadata.name': 'shop' }], []],
    );
  });

  test('the GatewayClass sluice, unless it is declared', () => {
    const set = new ManifestSet();
    const controllerOf = ({ put }: ManifestChange): string[] =>
      put.map((each) => (each as unknown as { spec: { controllerName: string } }).spec.controllerName);
    assert.deepEqual(controllerOf(update(set, [])), ['sluice.dev/gateway-controller']);
    const declared = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'sluice' },
      spec: { controllerName: 'example.com/other' },
    };
    assert.deepEqual(controllerOf(update(set, [declared])), ['example.com/other']);
    assert.deepEqual(controllerOf(update(set, [])), ['sluice.dev/gateway-controller']);
  });
});
