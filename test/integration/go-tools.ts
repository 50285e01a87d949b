// Programs of others, in Go, that some tests drive: kept in a cache folder by version. `node test/integration/go-tools.ts` builds those that
// are missing; without Go, or without the network, those tests are skipped and say so.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type GoToolName = 'grpcurl' | 'h2spec';

interface GoTool {
  readonly name: GoToolName;
  readonly module: string;
  readonly version: string;
}

const TOOLS: Readonly<Record<GoToolName, GoTool>> = {
  grpcurl: { name: 'grpcurl', module: 'github.com/fullstorydev/grpcurl/cmd/grpcurl', version: 'v1.9.3' },
  h2spec: { name: 'h2spec', module: 'github.com/summerwind/h2spec/cmd/h2spec', version: 'v2.2.1+incompatible' },
};

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice');

/** The program, or why a test that needs it is skipped. */
export function goTool(name: GoToolName): { readonly path: string; readonly skip: false | string } {
  const path = join(folderOf(TOOLS[name]), name);
  return { path, skip: !existsSync(path) && `no ${name}; node test/integration/go-tools.ts builds it` };
}

function folderOf({ name, version }: GoTool): string {
  return join(CACHE, `${name}-${version}`);
}

function build(tool: GoTool): void {
  const folder = folderOf(tool);
  mkdirSync(folder, { recursive: true });
  execFileSync('go', ['install', `${tool.module}@${tool.version}`], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
    stdio: 'inherit',
  });
}

if (import.meta.main) {
  for (const tool of Object.values(TOOLS)) {
    const { skip } = goTool(tool.name);
    if (skip === false) continue;
    console.log(`building ${tool.name} ${tool.version}`);
    build(tool);
  }
}
