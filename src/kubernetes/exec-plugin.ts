// Runs a credential plugin (client-go's exec protocol) and reads what it prints. It gets no input, a bounded time and a bounded output,
// and what it printed is in no message: it could be the token.
import { execFile } from 'node:child_process';
import type { ExecFileException } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { SecretText } from '../lib/secret-text.ts';
import { isRecord } from './api-error.ts';
import type { Clock } from './clock.ts';
import { bearer } from './cluster-access.ts';
import type { ClientCertificate, CredentialSource } from './credentials.ts';
import { isKeyPair } from './kubeconfig-text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Names and values that are added to the environment. */
  readonly env: readonly (readonly [string, string])[];
  readonly providesClusterInfo: boolean;
  /** What to tell someone who lacks the program. */
  readonly installHint: string | undefined;
}

/** `spec.cluster` of an ExecCredential. */
export type ClusterInfo = Readonly<Record<string, unknown>>;

export interface ExecContext {
  readonly authority: () => Promise<string | undefined>;
  readonly cluster: ClusterInfo;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

export const EXEC_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 1_048_576;
const MAX_QUOTED_CHARACTERS = 300;

/** Credentials that a plugin issues, for as long as it says. */
export function execCredentials(plugin: ExecPlugin, context: ExecContext): CredentialSource {
  return async () => {
    const { token, clientCertificate, expiresAtMs } = readExecCredential(await run(plugin, context), plugin);
    const credentials = { authorization: token, clientCertificate, authorityPem: await context.authority() };
    return { credentials, refreshAtMs: expiresAtMs, expiresAtMs };
  };
}

/** Its standard output. */
function run(plugin: ExecPlugin, { cluster, environment, timeoutMs = EXEC_TIMEOUT_MS }: ExecContext): Promise<string> {
  const { apiVersion, command, args, providesClusterInfo } = plugin;
  const info = {
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(providesClusterInfo ? { cluster } : {}) },
  };
  const env = { ...environment, ...Object.fromEntries(plugin.env), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  return new Promise((resolve, reject) => {
    const options = { env, timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES, killSignal: 'SIGKILL' } as const;
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(fault(plugin, describeFailure(error, stderr, plugin, timeoutMs)));
    });
    child.stdin?.on('error', () => {}).end();
  });
}

function describeFailure(
  error: ExecFileException,
  stderr: string,
  { installHint }: ExecPlugin,
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return `is not there${installHint === undefined ? '' : `; ${installHint}`}`;
  if (error.code === 'EACCES') return 'may not be run';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${MAX_OUTPUT_BYTES} bytes`;
  if (error.killed === true) return `did not end within ${timeoutMs} ms`;
  const how = error.signal ? `was ended by ${error.signal}` : `failed with exit code ${error.code}`;
  const said = stderr
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(-MAX_QUOTED_CHARACTERS);
  return said === '' ? how : `${how}: ${said}`;
}

interface ExecCredential {
  readonly token: SecretText | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  readonly expiresAtMs: number;
}

function readExecCredential(output: string, plugin: ExecPlugin): ExecCredential {
  const answer = parse(output);
  if (!isRecord(answer) || answer['kind'] !== 'ExecCredential') throw fault(plugin, 'printed no ExecCredential');
  if (answer['apiVersion'] !== plugin.apiVersion)
    throw fault(plugin, `printed no ExecCredential of ${plugin.apiVersion}`);
  const status = isRecord(answer['status']) ? answer['status'] : {};
  const field = (name: string): string | undefined => {
    const value = status[name];
    if (value === undefined || value === '' || value === null) return undefined;
    if (typeof value !== 'string') throw fault(plugin, `printed a status.${name} that is no text`);
    return value;
  };
  const tokenText = field('token');
  const token = tokenText === undefined ? undefined : bearer(tokenText);
  if (tokenText !== undefined && token === undefined) throw fault(plugin, 'printed a status.token that is no token');
  const clientCertificate = readClientCertificate(field('clientCertificateData'), field('clientKeyData'), plugin);
  if (token === undefined && clientCertificate === undefined) {
    throw fault(plugin, 'printed neither status.token nor status.clientCertificateData');
  }
  const expiration = field('expirationTimestamp');
  const toldMs = expiration === undefined ? Infinity : Date.parse(expiration);
  if (Number.isNaN(toldMs)) throw fault(plugin, 'printed a status.expirationTimestamp that is no time');
  return { token, clientCertificate, expiresAtMs: Math.min(toldMs, endOf(clientCertificate)) };
}

function readClientCertificate(
  chainPem: string | undefined,
  keyPem: string | undefined,
  plugin: ExecPlugin,
): ClientCertificate | undefined {
  if (chainPem === undefined && keyPem === undefined) return undefined;
  if (chainPem === undefined || keyPem === undefined || !isKeyPair(chainPem, keyPem)) {
    throw fault(plugin, 'printed a certificate and a key that do not belong together');
  }
  return { chainPem, keyPem: new SecretText(keyPem) };
}

function endOf(certificate: ClientCertificate | undefined): number {
  return certificate === undefined ? Infinity : new X509Certificate(certificate.chainPem).validToDate.getTime();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fault({ command }: ExecPlugin, what: string): Error {
  return new Error(`the credential plugin ${command} ${what}`);
}
