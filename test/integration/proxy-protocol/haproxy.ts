// haproxy beside the gateway, as a proxy in front of it or as what stands behind it; it ends with the test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestBed } from '../../harness/test-bed.ts';
import { findCommand } from '../requirements.ts';

/** haproxy with these sections, once it listens. */
export async function startHaproxy(bed: TestBed, sections: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-haproxy-'));
  bed.atEnd(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(config, `defaults\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n${sections}`);
  const haproxy = spawn(findCommand('haproxy') ?? assert.fail('no haproxy'), ['-W', '-db', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  bed.atEnd(async () => {
    if (haproxy.exitCode !== null || haproxy.signalCode !== null) return;
    haproxy.kill('SIGTERM');
    await once(haproxy, 'exit');
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: haproxy.stderr })) {
    lines.push(line);
    if (line.includes('Loading success')) return;
  }
  assert.fail(lines.join('\n'));
}
