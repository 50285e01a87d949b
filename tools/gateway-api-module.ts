// Finds the source of Gateway API as Go unpacks it: CRDs, examples, Go constants and conformance manifests of the version that
// Sluice implements.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const GATEWAY_API_MODULE = 'sigs.k8s.io/gateway-api@v1.7.0';
export const CONFORMANCE_MODULE = 'sigs.k8s.io/gateway-api/conformance@v1.7.0';

/** A module's folder; undefined where Go is missing or cannot get the module. */
export function goModuleFolder(module: string): string | undefined {
  let cache: string;
  try {
    cache = execFileSync('go', ['env', 'GOMODCACHE'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
  const folder = join(cache, module);
  if (!existsSync(folder)) download(module);
  return existsSync(folder) ? folder : undefined;
}

/** Go unpacks the module also when it then refuses it, because it is written for a newer Go. */
function download(module: string): void {
  try {
    execFileSync('go', ['mod', 'download', module], { stdio: 'ignore' });
  } catch {
    // Whether the folder is there decides.
  }
}
