// What a benchmark leaves nowhere: a temporary folder, ports that the kernel chose, a certificate, configurations from templates.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));
export const HOST = 'bench.example.com';
const TEMPLATES = join(ROOT, 'test/bench/peers');

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Removed when the process exits, however it ends; a signal ends it by way of its exit handlers. */
export function createWorkspace(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
  return directory;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function createKeyPair(directory: string): KeyPair {
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.crt')];
  execFileSync('openssl', ['req', '-x509', '-days', '7', ...curve, ...subject, ...files], { stdio: 'ignore' });
  const certificate = readFileSync(join(directory, 'tls.crt'), 'utf8');
  const key = readFileSync(join(directory, 'tls.key'), 'utf8');
  writeFileSync(join(directory, 'tls.pem'), certificate + key);
  return { certificate, key };
}

/** Fills `{{name}}` in a file of peers/ and writes it to the path. */
export function writeFromTemplate(
  template: string,
  path: string,
  values: Readonly<Record<string, string | number>>,
): void {
  const text = readFileSync(join(TEMPLATES, template), 'utf8').replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${template} wants ${name}`);
    return String(value);
  });
  writeFileSync(path, text);
}

/** Polls until the answer is 200. */
export async function untilReady(url: string, assertRunning: () => void, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    assertRunning();
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${url} was not ready in ${timeoutMs} ms`);
}
