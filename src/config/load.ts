// Puts the static configuration together: file, then environment, then options of the command, each over the one before; then the
// defaults. All problems are reported at once, each with its place.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { Settings } from 'typebox/system';
import { Value } from 'typebox/value';
import { parseDurationMs } from '../lib/duration.ts';
import { addressesOfRange } from '../lib/ip-address.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { parseYaml, YamlError } from '../lib/yaml-document.ts';
import type { YamlDocument } from '../lib/yaml-document.ts';
import { ConfigError } from './config.ts';
import type { Config, ConfigProblem } from './config.ts';
import { CONFIG_SCHEMA } from './schema.ts';
import { configKeys, environmentName } from './config-key.ts';
import type { ConfigKey } from './config-key.ts';

export interface ConfigSources {
  /** Path of the configuration file. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Values by key (`admin.address`) with the name of the option they came from. */
  readonly options?: readonly { readonly key: string; readonly option: string; readonly value: unknown }[];
}

type Tree = Record<string, unknown>;

const MAX_PROBLEMS = 64;
const MAX_POOL_ADDRESSES = 4_096;
const PATH_KEYS: ReadonlySet<string> = new Set([
  'manifests',
  'kubernetes.kubeconfig',
  'admin.tokenFile',
  'accessLog.path',
]);
const STDOUT = 'stdout';

/** @throws ConfigError with all problems. */
export function loadConfig({ file, environment = {}, options = [] }: ConfigSources): Config {
  const problems: ConfigProblem[] = [];
  const document = file === undefined ? undefined : readDocument(file);
  const tree: Tree = isTree(document?.value) ? structuredClone(document.value) : {};
  const places = new Map<string, string>();
  for (const key of configKeys()) {
    const name = environmentName(key.name);
    const text = environment[name];
    if (text === undefined) continue;
    places.set(key.name, name);
    put(tree, key.name, absolute(key.name, fromText(text, key)));
  }
  for (const { key, option, value } of options) {
    places.set(key, option);
    put(tree, key, absolute(key, value));
  }
  const place = (path: readonly (string | number)[]): string => {
    const given = places.get(path.slice(0, 2).join('.')) ?? places.get(String(path[0]));
    if (given !== undefined || document === undefined) return given ?? 'configuration';
    const { line, column } = document.locate(path);
    return `${file}:${line}:${column}`;
  };
  const complete = Value.Default(CONFIG_SCHEMA, tree);
  for (const { path, message } of schemaProblems(complete)) {
    problems.push({ place: place(path), key: path.join('.'), message });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const config = toConfig(complete as Tree, file === undefined ? '.' : dirname(file));
  const pool = expandPool(config.kubernetes);
  if ('problem' in pool) {
    const key = 'kubernetes.addressPool';
    throw new ConfigError([{ place: place(key.split('.')), key, message: pool.problem }]);
  }
  return { ...config, kubernetes: { ...config.kubernetes, addressPool: pool } };
}

/** Every address of the pool, or why there is none. */
function expandPool({ binding, addressPool }: Config['kubernetes']): readonly string[] | { readonly problem: string } {
  if (binding === 'host') return addressPool.length === 0 ? [] : { problem: 'is for the binding pool' };
  if (addressPool.length === 0) return { problem: 'is missing: the binding pool gives Gateways its addresses' };
  const addresses: string[] = [];
  for (const range of addressPool) {
    const expanded = addressesOfRange(range, MAX_POOL_ADDRESSES - addresses.length);
    if ('problem' in expanded) return { problem: `${range} ${expanded.problem}` };
    addresses.push(...expanded);
  }
  return addresses;
}

function readDocument(file: string): YamlDocument | undefined {
  const fail = (place: string, message: string): never => {
    throw new ConfigError([{ place, key: '', message }]);
  };
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    fail(file, `can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  try {
    const [first, second] = [...parseYaml(text)];
    if (second !== undefined) fail(file, 'holds more than one YAML document');
    if (first !== undefined && !isTree(first.value)) fail(file, 'is not a mapping of keys to values');
    return first;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return fail(`${file}:${error.position.line}:${error.position.column}`, error.message);
  }
}

function schemaProblems(tree: unknown): { path: string[]; message: string }[] {
  const problems = new Map<string, { path: string[]; message: string }>();
  Settings.Set({ maxErrors: MAX_PROBLEMS });
  for (const { instancePath, keyword, message } of Value.Errors(CONFIG_SCHEMA, tree)) {
    if (keyword === 'additionalProperties') continue;
    const path = instancePath.split('/').slice(1);
    if (problems.has(instancePath)) continue;
    problems.set(instancePath, { path, message: keyword === 'boolean' ? unknownKey(path) : describe(path, message) });
  }
  return [...problems.values()];
}

function unknownKey(path: readonly string[]): string {
  const names = configKeys().flatMap(({ name }) => [name, ...name.split('.').slice(0, -1)]);
  const nearest = nearestName(path.join('.'), names);
  return nearest === undefined ? 'is not a known key' : `is not a known key; did you mean ${nearest}?`;
}

function describe(path: readonly string[], message: string): string {
  const name = path.join('.');
  const key = configKeys().find((candidate) => candidate.name === name || candidate.name === path[0]);
  switch (key?.type) {
    case 'duration':
      return 'is not a duration like 500ms, 10s or 1m30s';
    case 'size':
      return 'is not a size like 4096, 64KiB or 1MiB';
    case 'address':
      return 'is not HOST:PORT';
    case 'list':
      return path.length === 1 ? 'is not a list of texts' : 'is not a text';
    case 'flag':
      return 'is not true or false';
    case 'number or auto':
      return 'is not a number up to 1024, nor auto';
    default:
      return key === undefined ? 'is not a mapping of keys to values' : `${message}; ${key.description}`;
  }
}

/** Texts of the environment become what the key wants; what does not fit is left for the schema to refuse. */
function fromText(text: string, { type }: ConfigKey): unknown {
  switch (type) {
    case 'list':
      return text.split(',').map((item) => item.trim());
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'number':
    case 'number or auto':
      return /^\d+$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

/** Paths of the environment and of options are relative to the working directory, those of the file to the file. */
function absolute(key: string, value: unknown): unknown {
  if (!PATH_KEYS.has(key) || value === STDOUT) return value;
  if (typeof value === 'string') return resolve(value);
  return Array.isArray(value) ? value.map((item: unknown) => absolute(key, item)) : value;
}

function put(tree: Tree, key: string, value: unknown): void {
  const [name = '', inner] = key.split('.');
  if (inner === undefined) {
    tree[name] = value;
    return;
  }
  const section = tree[name];
  if (isTree(section)) section[inner] = value;
  else tree[name] = { [inner]: value };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param tree complete and checked. */
function toConfig(tree: Tree, folder: string): Config {
  const at = (key: string): unknown => key.split('.').reduce<unknown>((value, name) => (value as Tree)[name], tree);
  const ms = (key: string): number => parseDurationMs(at(key) as string) ?? 0;
  const bytes = (key: string): number => sizeOf(at(key) as string | number);
  const number = (key: string): number => at(key) as number;
  const path = (text: string): string => resolve(folder, text);
  const tokenFile = at('admin.tokenFile') as string | undefined;
  const accessLogPath = at('accessLog.path') as string;
  const kubeconfig = at('kubernetes.kubeconfig') as string | undefined;
  return {
    manifests: (at('manifests') as string[]).map(path),
    provider: at('provider') as Config['provider'],
    kubernetes: {
      kubeconfig: kubeconfig === undefined ? undefined : path(kubeconfig),
      context: at('kubernetes.context') as string | undefined,
      namespaces: at('kubernetes.namespaces') as readonly string[],
      binding: at('kubernetes.binding') as 'host' | 'pool',
      addressPool: at('kubernetes.addressPool') as readonly string[],
    },
    demo: at('demo') as boolean,
    portOffset: number('portOffset'),
    workers: workerCount(at('workers') as number | 'auto'),
    hangTimeoutMs: ms('hangTimeout'),
    admin: {
      ...splitAddress(at('admin.address') as string),
      allowedHosts: at('admin.allowedHosts') as readonly string[],
      tokenFile: tokenFile === undefined ? undefined : path(tokenFile),
    },
    log: { level: at('log.level') as Config['log']['level'] },
    accessLog: {
      enabled: at('accessLog.enabled') as boolean,
      path: accessLogPath === STDOUT ? undefined : path(accessLogPath),
      fields: at('accessLog.fields') as readonly string[] | undefined,
    },
    drain: { delayMs: ms('drain.delay'), graceMs: ms('drain.grace') },
    limits: {
      maxConnections: number('limits.connections'),
      maxTotalConnections: number('limits.totalConnections'),
      maxRequestsPerConnection: number('limits.requestsPerConnection'),
      maxConcurrentStreams: number('limits.concurrentStreams'),
      maxHeadBytes: bytes('limits.headBytes'),
      maxUriBytes: bytes('limits.uriBytes'),
      maxHeaderCount: number('limits.headers'),
      maxBodyBytes: bytes('limits.bodyBytes'),
      maxReplayBytes: bytes('limits.replayBytes'),
      maxUdpSessions: number('limits.udpSessions'),
    },
    timeouts: {
      tlsHandshakeMs: ms('timeouts.tlsHandshake'),
      headMs: ms('timeouts.head'),
      bodyIdleMs: ms('timeouts.bodyIdle'),
      keepAliveIdleMs: ms('timeouts.keepAliveIdle'),
      streamIdleMs: ms('timeouts.streamIdle'),
      tunnelIdleMs: ms('timeouts.tunnelIdle'),
      tcpIdleMs: ms('timeouts.tcpIdle'),
      tcpStallMs: ms('timeouts.tcpStall'),
      udpIdleMs: ms('timeouts.udpIdle'),
      writeStallMs: ms('timeouts.writeStall'),
      lingerMs: ms('timeouts.linger'),
      listenerDrainMs: ms('timeouts.listenerDrain'),
    },
  };
}

function workerCount(workers: number | 'auto'): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3 };

function sizeOf(value: string | number): number {
  if (typeof value === 'number') return value;
  const [, digits = '', unit = ''] = /^(\d+)([A-Za-z]*)$/.exec(value) ?? [];
  return Number(digits) * (UNITS[unit] ?? 1);
}

function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}
