// Programs that tests and benchmarks run beside Sluice, and the Debian package of each. Nothing is skipped for want of one:
// it is installed (root) or named in one line (everybody else).
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Requirement {
  readonly command: string;
  /** Arguments that make the command succeed only if it is all there. */
  readonly probe?: readonly string[];
  readonly debianPackage: string;
}

export const TEST_REQUIREMENTS: readonly Requirement[] = [
  { command: 'curl', debianPackage: 'curl' },
  { command: 'haproxy', debianPackage: 'haproxy' },
  { command: 'nginx', debianPackage: 'nginx' },
  { command: 'openssl', debianPackage: 'openssl' },
  { command: 'slowhttptest', debianPackage: 'slowhttptest' },
  { command: 'testssl', debianPackage: 'testssl.sh' },
  { command: 'wrk', debianPackage: 'wrk' },
];

const APT_LOCK_TIMEOUT_S = 120;

/** Where Debian puts servers; not on everybody's path. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

export class MissingRequirementError extends Error {
  readonly code = 'REQUIREMENT_MISSING';
}

/** @throws MissingRequirementError with one line that names the missing packages, where they can't be installed. */
export function ensureInstalled(requirements: readonly Requirement[]): void {
  const missing = requirements.filter((requirement) => !isInstalled(requirement));
  if (missing.length === 0) return;
  const packages = missing.map(({ debianPackage }) => debianPackage);
  if (process.getuid?.() !== 0 || findCommand('apt-get') === undefined) {
    throw new MissingRequirementError(
      `missing: ${packages.join(' ')} (on Debian, as root: apt-get install ${packages.join(' ')})`,
    );
  }
  console.log(`installing ${packages.join(' ')}`);
  aptGet('update');
  aptGet('install', '-y', '--no-install-recommends', ...packages);
}

function aptGet(...args: readonly string[]): void {
  execFileSync('apt-get', ['-qq', '-o', `DPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_S}`, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The absolute path of a program, or undefined where there is none. */
export function findCommand(command: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, command)).find(isExecutable);
}

function isInstalled({ command, probe }: Requirement): boolean {
  const path = findCommand(command);
  return path !== undefined && (probe === undefined || spawnSync(path, probe, { stdio: 'ignore' }).status === 0);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
