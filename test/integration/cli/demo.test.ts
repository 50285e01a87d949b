// The demo as a newcomer runs it: what `npm start` prints works as printed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { freePort, SluiceProcess } from '../../harness/sluice-process.ts';

const ROOT = join(import.meta.dirname, '../../..');
const GATEWAY_PORT = 8_080;

/** The arguments of `npm start`. */
function shippedArguments(): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const [, args] = /bin\/sluice\.js (.*)$/.exec(manifest.scripts.start) ?? assert.fail(manifest.scripts.start);
  return (args ?? '').split(' ');
}

it('prints a curl line that shows the 90/10 split', async () => {
  // Somebody may be running the demo: only its upstreams' ports are fixed.
  const offset = Math.max(0, (await freePort()) - GATEWAY_PORT);
  const args = [...shippedArguments(), '--admin', '127.0.0.1:0', '--port-offset', String(offset)];
  await using gateway = new SluiceProcess(args);
  const [, command = ''] = await gateway.untilErrors(/^ +(curl .*)$/m);
  assert.match(command, new RegExp(`localhost:${GATEWAY_PORT + offset}/`));
  const { stdout } = await promisify(execFile)('sh', ['-c', command]);
  assert.deepEqual(stdout.trim().split(/\s*\n\s*/), ['90   "servedBy": "demo-v1",', '10   "servedBy": "demo-v2",']);

  gateway.signal('SIGINT');
  const { code, errors } = await gateway.ending();
  assert.equal(code, 0, errors);
});
