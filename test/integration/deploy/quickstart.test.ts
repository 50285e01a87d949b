// The quickstart of README.md in a cluster of its own: the shipped manifests run on the rig's stand-ins for nodes and load balancers, in
// namespaces where nothing leaves the machine. What is checked is in quickstart-session.ts; here it is only given its place.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isIsolationPossible, runIsolated } from '../../conformance/isolation.ts';
import { skipWithoutCrds } from './kubectl.ts';

const SESSION = join(import.meta.dirname, 'quickstart-session.ts');
const NO_NAMESPACES = 'neither unprivileged user namespaces nor root';

test(
  'the quickstart, word for word',
  { skip: skipWithoutCrds() || (!isIsolationPossible() && NO_NAMESPACES) },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-quickstart-'));
    const { process: session } = runIsolated([process.execPath, SESSION, folder], 'pipe');
    let output = '';
    for (const stream of [session.stdout, session.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    try {
      const code = await new Promise((resolve) => session.once('close', resolve));
      assert.equal(code, 0, output);
    } finally {
      session.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
);
