// One file: which objects it holds, where, and what is said of what is wrong in it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formatFileProblem } from '../../../../src/provider/file/file-problem.ts';
import type { FileReading, ManifestContent } from '../../../../src/provider/file/file-reading.ts';
import {
  MAX_FILE_BYTES,
  MAX_FILE_PROBLEMS,
  readManifestFile,
  readManifests,
} from '../../../../src/provider/file/manifest-file.ts';
import { createValidator } from '../../../../src/validation/validator.ts';
import { badHttpRoute, configMap, httpRoute, join } from './manifests.ts';

const validator = createValidator();

function read(text: string, file = 'a.yaml'): ManifestContent {
  return readManifests(text, file, validator);
}

function keys(content: ManifestContent): string[] {
  return content.objects.map(({ key }) => key);
}

describe('objects', () => {
  test('several documents, with their places', () => {
    const content = read(join('# first\n', httpRoute('a'), '', configMap('b', '{c: d}')));
    assert.deepEqual(content.problems, []);
    assert.deepEqual(
      content.objects.map(({ key, line, column }) => [key, line, column]),
      [
        ['HTTPRoute/shop/a', 3, 1],
        ['ConfigMap/shop/b', 12, 1],
      ],
    );
  });

  test('defaults are applied, status and what a server sets are not there', () => {
    const text = httpRoute('a')
      .replace(
        'metadata: {',
        'status: {parents: []}\nmetadata: {uid: x, resourceVersion: "3", generation: 7, managedFields: [], ',
      )
      .replace('namespace: shop', 'creationTimestamp: null');
    const { objects, problems } = read(text);
    assert.deepEqual(problems, []);
    const route = objects[0]?.object as unknown as {
      metadata: object;
      spec: { rules: { matches: unknown }[] };
      status?: unknown;
    };
    assert.deepEqual(route.metadata, { name: 'a', namespace: 'default' });
    assert.equal('status' in route, false);
    assert.deepEqual(route.spec.rules[0]?.matches, [{ path: { type: 'PathPrefix', value: '/' } }]);
  });

  test('a creation time that is given counts', () => {
    const { objects } = read(httpRoute('a').replace('{name', '{creationTimestamp: "2024-01-02T03:04:05Z", name'));
    assert.equal(objects[0]?.object.metadata.creationTimestamp, '2024-01-02T03:04:05Z');
  });

  test('older versions become the first one', () => {
    const { objects } = read(httpRoute('a').replace('io/v1', 'io/v1beta1'));
    assert.equal(objects[0]?.object.apiVersion, 'gateway.networking.k8s.io/v1');
  });

  test('kinds that are not read are counted', () => {
    const other = (kind: string): string => `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: x}\n`;
    const content = read(join(other('Deployment'), httpRoute('a'), other('Deployment'), other('DaemonSet')));
    assert.deepEqual(content.skipped, [
      ['Deployment', 2],
      ['DaemonSet', 1],
    ]);
    assert.deepEqual([keys(content), content.problems], [['HTTPRoute/shop/a'], []]);
  });

  test('a kustomization need not say its kind', () => {
    assert.deepEqual(read('resources: [a.yaml]\n', 'base/kustomization.yaml').skipped, [['Kustomization', 1]]);
    assert.match(formatFileProblem(read('resources: [a.yaml]\n').problems[0] as never), /apiVersion: is required/);
  });

  test('lists are expanded, also lists of one kind and lists in lists', () => {
    const item = (name: string): string => `{"metadata": {"name": "${name}"}, "data": {"a": "b"}}`;
    const list = (kind: string, items: string): string =>
      `{"apiVersion": "v1", "kind": "${kind}", "items": [${items}]}`;
    const content = read(
      list('List', `${list('ConfigMapList', `${item('a')},\n${item('b')}`)}, {"apiVersion": "v1", "kind": "Pod"}`),
    );
    assert.deepEqual(keys(content), ['ConfigMap/default/a', 'ConfigMap/default/b']);
    assert.equal(content.objects[1]?.line, 2);
    assert.deepEqual(content.skipped, [['Pod', 1]]);
  });

  test('a kind that only sounds like a list is none', () => {
    assert.deepEqual(read('apiVersion: x/v1\nkind: AllowList\nmetadata: {name: x}\n').skipped, [['AllowList', 1]]);
  });

  test('a namespace carries its name as a label', () => {
    const { objects } = read(
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: b, kubernetes.io/metadata.name: x}}\n',
    );
    assert.deepEqual(objects[0]?.object.metadata.labels, { a: 'b', 'kubernetes.io/metadata.name': 'shop' });
  });
});

describe('problems', () => {
  test('say file, line, column, object, field and what to do', () => {
    const content = read(join(httpRoute('a'), badHttpRoute('b')), 'config/shop.yaml');
    assert.deepEqual(content.problems.map(formatFileProblem), [
      'config/shop.yaml:15:43 HTTPRoute shop/b\n  spec.rules[0].backendRefs[0].weigth: unknown field; did you mean weight?',
    ]);
    assert.deepEqual(
      [keys(content), content.badKeys, content.hasUnknownBad],
      [['HTTPRoute/shop/a'], ['HTTPRoute/shop/b'], false],
    );
  });

  test('in an item of a list, the place is that of the item', () => {
    const content = read(
      'apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: B_\n',
    );
    assert.match(formatFileProblem(content.problems[0] as never), /^a\.yaml:7:7 ConfigMap B_\n {2}metadata\.name: /);
  });

  const UNKNOWN: [string, string][] = [
    ['a bad name', httpRoute('a').replace('name: a', 'name: A_')],
    ['no name', httpRoute('a').replace('name: a, ', '')],
    ['no metadata', httpRoute('a').replace(/metadata:.*\n/, '')],
    ['a namespace that is no text', httpRoute('a').replace('namespace: shop', 'namespace: [shop]')],
    ['a kind that does not exist', httpRoute('a').replace('HTTPRoute', 'HTTPRout')],
    ['no kind', httpRoute('a').replace('kind: HTTPRoute\n', '')],
    ['a text instead of a mapping', 'hello\n'],
  ];
  for (const [name, text] of UNKNOWN) {
    test(`${name}: the object is not known`, () => {
      const content = read(text);
      assert.ok(content.problems.length > 0);
      assert.deepEqual([content.objects, content.badKeys, content.hasUnknownBad, content.skipped], [[], [], true, []]);
    });
  }

  test('are bounded for one file', () => {
    const { problems } = read(join(...Array.from({ length: MAX_FILE_PROBLEMS + 20 }, (_, i) => `kind: x${i}\n`)));
    assert.equal(problems.length, MAX_FILE_PROBLEMS + 1);
    assert.equal(problems.at(-1)?.code, 'too-many');
  });
});

describe('files', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(joinPath(tmpdir(), 'sluice-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  function readBytes(bytes: string | Buffer, fingerprint?: string): FileReading {
    const file = joinPath(directory, 'a.yaml');
    writeFileSync(file, bytes);
    return readManifestFile(file, fingerprint, validator);
  }

  function failure(reading: FileReading): string {
    assert.equal(reading.outcome, 'failed');
    return formatFileProblem(reading.problem).replace(`${directory}/`, '');
  }

  test('known bytes are not read again', () => {
    const first = readBytes(httpRoute('a'));
    assert.equal(first.outcome, 'read');
    assert.equal(readBytes(httpRoute('a'), first.fingerprint).outcome, 'unchanged');
    assert.equal(readBytes(httpRoute('b'), first.fingerprint).outcome, 'read');
  });

  test('an error in one document is an error of the file', () => {
    const reading = readBytes(join(httpRoute('a'), 'a: 1\na: 2\n'));
    assert.equal(failure(reading), 'a.yaml:10:1\n  the key "a" occurs twice in a mapping');
    assert.ok(reading.outcome === 'failed' && reading.fingerprint !== undefined);
  });

  test('text that is not UTF-8', () => {
    assert.equal(failure(readBytes(Buffer.from([0x61, 0x3a, 0x20, 0xff]))), 'a.yaml:1:1\n  is not UTF-8 text');
  });

  test('a file at the limit, and one above it', () => {
    const text = `${configMap('a', '{b: c}')}#`;
    assert.equal(readBytes(text.padEnd(MAX_FILE_BYTES, '-')).outcome, 'read');
    assert.match(failure(readBytes(text.padEnd(MAX_FILE_BYTES + 1, '-'))), /is larger than/);
  });

  test('what is not there, and what is no file', () => {
    assert.match(failure(readManifestFile(joinPath(directory, 'none.yaml'), undefined, validator)), /no such file/);
    assert.match(failure(readManifestFile(directory, undefined, validator)), /is a directory/);
  });
});
