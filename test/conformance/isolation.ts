// Runs a command as the first process of namespaces of its own: network, processes, mounts, and users where the kernel lets anybody have them.
// Inside it may bind any port and make networks; nothing it sends leaves the machine; when it ends, all that it started ends.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const SEPARATE = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
const ROOTLESS = ['--user', '--map-root-user'];
/** Names of network namespaces are kept below /run. */
const PREPARE = 'mount -t tmpfs none /run && ip link set lo up && exec "$@"';

export class IsolationError extends Error {
  readonly code = 'NO_NAMESPACES';
}

export interface Isolated {
  /** Ends with the command's exit code; killing it kills all inside. */
  readonly process: ChildProcess;
  /** Writes a script that runs its arguments in the users and network of the command. */
  writeEnterScript(path: string): void;
}

/** The command stops, too, when its standard input ends. @throws IsolationError */
export function runIsolated(command: readonly string[], output: 'inherit' | 'pipe' = 'inherit'): Isolated {
  const user = isPossible(ROOTLESS) ? ROOTLESS : [];
  if (user.length === 0 && !isPossible([])) {
    throw new IsolationError('namespaces are needed: unprivileged user namespaces in the kernel, or root');
  }
  const child = spawn('unshare', [...user, ...SEPARATE, 'sh', '-c', PREPARE, 'sh', ...command], {
    stdio: ['pipe', output, output],
    // A Ctrl-C of the terminal is for who started it, who then ends it.
    detached: true,
  });
  return {
    process: child,
    writeEnterScript: (path) => {
      const users = user.length > 0 ? '--user --preserve-credentials ' : '';
      const script = `#!/bin/sh\nexec nsenter --target ${child.pid} ${users}--net -- "$@"\n`;
      writeFileSync(path, script, { mode: 0o755 });
    },
  };
}

/** Whether `runIsolated` can do it on this machine. */
export function isIsolationPossible(): boolean {
  return isPossible(ROOTLESS) || isPossible([]);
}

function isPossible(user: readonly string[]): boolean {
  return spawnSync('unshare', [...user, ...SEPARATE, 'true'], { stdio: 'ignore' }).status === 0;
}
