// What may know what: the tables behind the architecture rules. A new folder, dependency or exception is one line here, with its reason.

/** Folders of src/, top to bottom. A folder imports only from rows below its own; folders in one row never import each other. */
export const LAYERS: readonly (readonly string[])[] = [
  ['main.ts'],
  ['cli'],
  ['app'],
  ['admin', 'provider'],
  ['gatewayapi', 'dataplane'],
  ['validation', 'kubernetes'],
  ['ir', 'api'],
  ['config', 'observability'],
  ['lib'],
];

/** Narrower than the layers: all that these folders may import from src/. */
export const ONLY_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli'],
  ir: ['lib'],
};

/** Where each dependency may be imported. */
export const DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  '@bufbuild/cel': ['src/validation/'],
  commander: ['src/cli/'],
  fastify: ['src/admin/'],
  pino: ['src/observability/'],
  typebox: ['src/admin/', 'src/config/'],
  yaml: ['src/cli/', 'src/lib/yaml-document.ts'],
};

/** Folders that may import these modules of Node and no others. */
export const ONLY_NODE_MODULES: Readonly<Record<string, readonly string[]>> = {
  'src/api/': [],
  'src/gatewayapi/': ['node:buffer', 'node:crypto'],
  'src/ir/': ['node:buffer', 'node:crypto'],
};

export interface Ban {
  readonly what: string;
  readonly pattern: RegExp;
}

/** Imports and names that would make a pure folder depend on more than its input. */
export const IMPURE: readonly Ban[] = [
  { what: 'a timer', pattern: /\bset(?:Timeout|Interval|Immediate)\b/ },
  { what: 'the clock', pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\b|\bhrtime\b/ },
  { what: 'randomness', pattern: /\bMath\.random\b|\brandom(?:UUID|Bytes|Int|Fill)\b|\bgetRandomValues\b/ },
  { what: 'the console', pattern: /\bconsole\b/ },
  { what: 'the process', pattern: /\bprocess\b/ },
  { what: 'the network', pattern: /\bfetch\s*\(/ },
];

/** What the data path never does while requests wait for it. */
export const OFF_THE_DATA_PATH: readonly Ban[] = [
  { what: 'node:http', pattern: /['"]node:https?['"]/ },
  { what: 'DNS', pattern: /['"]node:dns(?:\/promises)?['"]/ },
  { what: 'the file system', pattern: /['"]node:fs(?:\/promises)?['"]/ },
  { what: 'a child process', pattern: /['"]node:(?:child_process|cluster)['"]/ },
  { what: 'fetch', pattern: /\bfetch\s*\(/ },
  { what: 'AsyncLocalStorage', pattern: /\bAsyncLocalStorage\b|['"]node:async_hooks['"]/ },
  { what: 'a timer object', pattern: /\bset(?:Timeout|Interval)\s*\(|['"]node:timers(?:\/promises)?['"]/ },
  {
    what: 'asymmetric crypto',
    pattern: /\bcreate(?:Sign|Verify)\b|\b(?:public|private)(?:En|De)crypt\b|\bgenerateKeyPair/,
  },
  { what: 'the console', pattern: /\bconsole\b/ },
];

export interface Exception {
  readonly path: string;
  readonly what: string;
  readonly reason: string;
}

export const DATA_PATH_EXCEPTIONS: readonly Exception[] = [
  {
    path: 'src/dataplane/cluster/hostname-resolver.ts',
    what: 'DNS',
    reason: 'resolves in the background; requests read what it found last',
  },
  { path: 'src/dataplane/cluster/hostname-resolver.ts', what: 'a timer object', reason: 'one per hostname' },
  { path: 'src/dataplane/codec/http1/head-text.ts', what: 'node:http', reason: 'STATUS_CODES, a table' },
  { path: 'src/dataplane/engine.ts', what: 'a timer object', reason: 'one per drain' },
  { path: 'src/dataplane/overload/overload-monitor.ts', what: 'a timer object', reason: 'one for the process' },
];

/** Files that Node starts by themselves, a process or a thread each: everything else in src/ is reachable from them. */
export const ENTRY_POINTS: readonly string[] = [
  'src/main.ts',
  'src/app/supervisor/supervisor-process.ts',
  'src/app/worker/worker-process.ts',
  'src/cli/control-process.ts',
  'src/provider/file/manifest-worker.ts',
];

export const GENERATED = 'src/api/generated/';

export const MAX_LINES = 500;

/** A file or folder with one of these names, or with one as its last word, says nothing about what is in it. */
export const EMPTY_NAMES: readonly string[] = [
  'common',
  'helper',
  'helpers',
  'manager',
  'managers',
  'misc',
  'util',
  'utils',
];
