// Keeps the structure that ARCHITECTURE.md describes. Every rule is run over the repository, and proved on small files that
// break it (each must be found) and that keep it (none may be).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DATA_PATH_EXCEPTIONS, DEPENDENCIES, LAYERS, MAX_LINES } from './architecture/fences.ts';
import * as rules from './architecture/rules.ts';
import type { Rule } from './architecture/rules.ts';
import { parseSource, readSources } from './architecture/source.ts';
import type { SourceFile } from './architecture/source.ts';

/** Path and text, in turn. */
type Fixture = Readonly<Record<string, string>>;

interface Proof {
  readonly rule: Rule;
  /** Each of these sets of files has exactly one finding. */
  readonly broken: readonly Fixture[];
  /** This set of files has none. */
  readonly kept: Fixture;
}

/** Prints its findings and no stack: the rule is not where to look. */
class FindingsError extends Error {
  constructor(findings: readonly string[]) {
    super(findings.join('\n'));
    this.stack = this.message;
  }
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const PROOFS: Readonly<Record<string, Proof>> = {
  'imports point down the layers': {
    rule: rules.layersPointDown,
    broken: [
      { 'src/gatewayapi/a.ts': "import { b } from '../dataplane/b.ts';" },
      { 'src/gatewayapi/a.ts': "import type { B } from '../dataplane/b.ts';" },
      { 'src/dataplane/a.ts': "export { b } from '../gatewayapi/b.ts';" },
      { 'src/dataplane/route/a.ts': "const b = await import('../../gatewayapi/b.ts');" },
      { 'src/provider/a.ts': "import { b } from '../admin/b.ts';" },
      { 'src/provider/a.ts': "const worker = new Worker(new URL('../admin/b.ts', import.meta.url));" },
      { 'src/lib/a.ts': "import { b } from '../config/b.ts';" },
      { 'src/ir/a.ts': "import { b } from '../observability/b.ts';" },
      { 'src/main.ts': "import { b } from './app/b.ts';" },
      { 'src/cli/a.ts': "import { b } from '../../test/b.ts';" },
      { 'src/cli/a.ts': "import b from '../../package.json' with { type: 'json' };" },
      { 'src/attic/a.ts': 'export const a = 1;' },
      { 'src/stray.ts': 'export const a = 1;' },
    ],
    kept: {
      'src/main.ts': "import { run } from './cli/run.ts';",
      'src/app/a.ts': "import { b } from '../admin/b.ts';\nimport { c } from '../lib/c.ts';",
      'src/dataplane/route/a.ts': "import { b } from '../codec/b.ts'; // not '../../gatewayapi/b.ts'",
      'test/a.ts': "import { b } from '../src/dataplane/b.ts';\nimport { c } from '../src/gatewayapi/c.ts';",
    },
  },
  'dependencies stay behind their fences': {
    rule: rules.dependenciesStayFenced,
    broken: [
      { 'src/dataplane/a.ts': "import fastify from 'fastify';" },
      { 'src/app/a.ts': "import type { Logger } from 'pino';" },
      { 'src/validation/a.ts': "import { parse } from 'yaml';" },
      { 'src/gatewayapi/a.ts': "import { run } from '@bufbuild/cel/run';" },
      { 'src/lib/a.ts': "import leftPad from 'left-pad';" },
      { 'src/lib/a.ts': "import { readFileSync } from 'fs';" },
    ],
    kept: {
      'src/admin/server.ts': "import fastify from 'fastify';\nimport { Type } from 'typebox';",
      'src/validation/cel.ts': "import { run } from '@bufbuild/cel/run';\nimport { createHash } from 'node:crypto';",
      'test/a.ts': "import fastify from 'fastify';",
    },
  },
  'modules of Node stay out of pure folders': {
    rule: rules.nodeModulesStayFenced,
    broken: [
      { 'src/gatewayapi/a.ts': "import { readFile } from 'node:fs/promises';" },
      { 'src/ir/a.ts': "import { isIP } from 'node:net';" },
      { 'src/api/a.ts': "import { createHash } from 'node:crypto';" },
    ],
    kept: {
      'src/gatewayapi/a.ts': "import { createHash, X509Certificate } from 'node:crypto';",
      'src/lib/a.ts': "import { readFile } from 'node:fs/promises';",
    },
  },
  'pure folders have no clock, randomness, timer, console, process or network': {
    rule: rules.pureFoldersStayPure,
    broken: [
      { 'src/gatewayapi/a.ts': 'export const a = () => setTimeout(b, 1);' },
      { 'src/gatewayapi/a.ts': 'export const a = () => Date.now();' },
      { 'src/gatewayapi/a.ts': 'export const a = () => new Date();' },
      { 'src/gatewayapi/a.ts': 'export const a = () => `${Math.random()}`;' },
      { 'src/ir/a.ts': "import { randomUUID } from 'node:crypto';" },
      { 'src/ir/a.ts': 'export const a = () => console.log(1);' },
      { 'src/ir/a.ts': 'export const a = () => process.env.A;' },
      { 'src/api/a.ts': "export const a = () => fetch('/');" },
    ],
    kept: {
      'src/gatewayapi/a.ts':
        "// Date.now(), console\nexport const a = 'Math.random()';\nexport const b = new Date(time) < c;",
      'src/lib/clock.ts': 'export const now = () => Date.now();',
    },
  },
  'the data path never waits for anything but the network': {
    rule: rules.dataPathNeverWaits,
    broken: [
      { 'src/dataplane/a.ts': "import { request } from 'node:http';" },
      { 'src/dataplane/a.ts': "import { STATUS_CODES } from 'node:http';" },
      { 'src/dataplane/cluster/a.ts': "import { lookup } from 'node:dns/promises';" },
      { 'src/dataplane/a.ts': "import { readFileSync } from 'node:fs';" },
      { 'src/dataplane/a.ts': "import { spawn } from 'node:child_process';" },
      { 'src/dataplane/a.ts': 'export const a = () => fetch(url);' },
      { 'src/dataplane/a.ts': "import { AsyncLocalStorage } from 'node:async_hooks';" },
      { 'src/dataplane/a.ts': 'export const a = () => setTimeout(b, 10);' },
      { 'src/dataplane/a.ts': 'export const a = () => createSign(algorithm);' },
      { 'src/dataplane/a.ts': 'export const a = () => console.error(1);' },
    ],
    kept: {
      'src/dataplane/a.ts': "import { connect } from 'node:net';\nexport const a = (s) => s.setTimeoutMs; // fetch(x)",
      'src/provider/a.ts': "import { readFileSync } from 'node:fs';",
    },
  },
  'no cycles': {
    rule: rules.noCycles,
    broken: [
      { 'src/ir/a.ts': "import { b } from './b.ts';", 'src/ir/b.ts': "import { a } from './a.ts';" },
      {
        'src/ir/a.ts': "import type { B } from './b.ts';",
        'src/ir/b.ts': "export { c } from './c.ts';",
        'src/ir/c.ts': "import { a } from '../ir/a.ts';",
      },
      { 'src/ir/a.ts': "import { a } from './a.ts';" },
    ],
    kept: {
      'src/ir/a.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';",
      'src/ir/b.ts': "import { c } from './c.ts';",
      'src/ir/c.ts': "// import { a } from './a.ts';",
    },
  },
  'an entry point reaches every file': {
    rule: rules.noDeadFiles,
    broken: [
      { 'src/main.ts': "import { a } from './lib/a.ts';", 'src/lib/a.ts': '', 'src/lib/dead.ts': '' },
      { 'src/main.ts': '', 'src/lib/dead.ts': '', 'test/dead.test.ts': "import { dead } from '../src/lib/dead.ts';" },
    ],
    kept: {
      'src/main.ts': "await import('./cli/a.ts');",
      'src/cli/a.ts': "import type { B } from '../lib/b.ts';\nconst worker = new URL('./worker.ts', import.meta.url);",
      'src/cli/worker.ts': '',
      'src/lib/b.ts': '',
    },
  },
  'no default exports': {
    rule: rules.noDefaultExports,
    broken: [
      { 'src/lib/a.ts': 'export default class A {}' },
      { 'tools/a.ts': 'const a = 1;\nexport { a as default };' },
    ],
    kept: { 'src/lib/a.ts': "// export default 1\nexport const text = 'export default 1';" },
  },
  'no barrels': {
    rule: rules.noBarrels,
    broken: [
      { 'src/lib/a.ts': "// All of it.\nexport * from './b.ts';\nexport type { C } from './c.ts';" },
      { 'src/lib/a.ts': "import { b } from './b.ts';\nexport { b };" },
    ],
    kept: {
      'src/lib/a.ts': "export { b } from './b.ts';\nexport const c = 1;",
      'src/lib/side-effect.ts': "import './b.ts';",
    },
  },
  'names say something': {
    rule: rules.namesSaySomething,
    broken: [
      { 'src/utils/a.ts': '' },
      { 'src/lib/string-helpers.ts': '' },
      { 'src/app/connection-manager.ts': '' },
      { 'src/lib/HttpRoute.ts': '' },
      { 'test/unit/common.test.ts': '' },
    ],
    kept: { 'src/lib/common-name.ts': '', 'test/unit/lib/common-name.test.ts': '' },
  },
  'files stay short': {
    rule: rules.filesStayShort,
    broken: [{ 'src/lib/a.ts': 'a;\n'.repeat(MAX_LINES + 1) }],
    kept: { 'src/lib/a.ts': 'a;\n'.repeat(MAX_LINES), 'src/api/generated/a.ts': 'a;\n'.repeat(MAX_LINES + 1) },
  },
  'files say what they are for': {
    rule: rules.filesSayWhatTheyAreFor,
    broken: [{ 'src/lib/a.ts': 'export const a = 1;\n// Late.' }],
    kept: {
      'src/lib/a.ts': '// The letter a.\nexport const a = 1;',
      'src/lib/b.ts': '/** The letter b. */',
      'test/a.ts': '',
    },
  },
  'importing a module does nothing': {
    rule: rules.importingDoesNothing,
    broken: [
      { 'src/lib/a.ts': 'start();' },
      { 'src/lib/a.ts': 'const a = 1;\nif (a) {\n  start();\n}' },
      { 'src/lib/a.ts': 'let count = 0;' },
      { 'src/lib/a.ts': 'export const seen = new Map<string, () => void>();' },
      { 'src/lib/a.ts': 'const seen: string[] = [];' },
      { 'src/lib/a.ts': "const text = readFileSync('a');" },
      { 'src/lib/a.ts': 'const app = { server: createServer(() => {}) };' },
      { 'src/lib/a.ts': 'const timer = setInterval(() => tick(), 10);' },
      { 'src/lib/a.ts': 'const bus = new EventEmitter();' },
      { 'src/lib/a.ts': 'const startedAt = Date.now();' },
      { 'src/lib/a.ts': 'const debug = process.env.DEBUG;' },
      { 'src/lib/a.ts': 'const a = await load();' },
    ],
    kept: {
      'src/main.ts': 'await run(process.argv);',
      'src/lib/a.ts': [
        "import { connect } from 'node:net';",
        "const NAMES: ReadonlySet<string> = new Set(['a']);",
        'const kept = new WeakMap<object, string>();',
        'const EMPTY: readonly string[] = [];',
        'const NONE: ReadonlyMap<string, string> = new Map();',
        'const later = (): number => Date.now();',
        'const soon = async (a: number): Promise<void> => {\n  await wait(a);\n  connect(a);\n};',
        'export const table = { now: (): number => Date.now(), stop() {\n    process.exit();\n  }, size: 1 };',
        'export function open(): Socket & { path: string } {\n  return connect(80);\n}',
        'export class Pool {\n  readonly all = new Map();\n  close(): void {\n    setTimeout(this.end, 1);\n  }\n}',
        "export type Kind = 'a' | 'b';",
      ].join('\n'),
    },
  },
};

const repository = readSources(ROOT, ['src', 'test', 'tools']);

for (const [name, { rule, broken, kept }] of Object.entries(PROOFS)) {
  test(name, () => {
    assertNone(rule(repository));
  });
  test(`${name}: proof`, () => {
    for (const fixture of broken) {
      const findings = rule(parseFixture(fixture));
      assert.equal(findings.length, 1, `${JSON.stringify(fixture)} gave ${JSON.stringify(findings)}`);
    }
    assert.deepEqual(rule(parseFixture(kept)), []);
  });
}

test('every layer in the table exists', () => {
  assertNone(rules.staleLayers(repository, LAYERS));
  const files = parseFixture({ 'src/lib/a.ts': '', 'test/ir/a.ts': '' });
  assert.deepEqual(rules.staleLayers(files, [['ir'], ['lib']]), ['fences.ts: src/ir is no more']);
});

test('every exception for the data path is needed', () => {
  assertNone(rules.staleExceptions(repository, DATA_PATH_EXCEPTIONS));
  const exception = { path: 'src/dataplane/a.ts', what: 'DNS', reason: 'a proof' };
  const used = parseFixture({ 'src/dataplane/a.ts': "import { lookup } from 'node:dns';" });
  const unused = parseFixture({ 'src/dataplane/a.ts': "import { lookup } from './dns.ts';" });
  assert.deepEqual(rules.staleExceptions(used, [exception]), []);
  assert.equal(rules.staleExceptions(unused, [exception]).length, 1);
  assert.equal(rules.staleExceptions([], [exception]).length, 1);
});

test('the table of dependencies is the one of package.json', () => {
  const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { dependencies: Record<string, string> };
  assert.deepEqual(Object.keys(DEPENDENCIES).toSorted(), Object.keys(manifest.dependencies).toSorted());
});

test('the scanner sees code, not comments and literals', () => {
  const text = [
    "const a = 'it''s /* no */' + \"// no\"; // no",
    'const b = `no ${yes(`no ${yes2}`, { yes3: 1 })} no`;',
    'const c = /no[/"]no/g.test(yes4) ? yes5 / yes6 / 2 : 0;',
    "/* no */ const d = '\\'no'; yes7();",
  ].join('\n');
  const { code } = parseSource('a.ts', text);
  assert.equal(code.length, text.length);
  assert.doesNotMatch(code, /no/);
  assert.deepEqual(code.match(/yes\d?/g), ['yes', 'yes2', 'yes3', 'yes4', 'yes5', 'yes6', 'yes7']);
});

function assertNone(findings: readonly string[]): void {
  if (findings.length > 0) throw new FindingsError(findings);
}

function parseFixture(fixture: Fixture): SourceFile[] {
  return Object.entries(fixture).map(([path, text]) => parseSource(path, text));
}
