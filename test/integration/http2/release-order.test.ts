// H05: a client that cuts a block of fields short ends its session, and in no order of garbage collection the process.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('H05 trailers without end, and garbage collection at every turn', { timeout: 60_000 }, async () => {
  const script = join(import.meta.dirname, 'collected-session.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script]);
  assert.equal(stdout, 'survived');
});
