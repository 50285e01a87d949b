// What every request that leaves the gateway looks like, whatever came in: one framing, no leftovers of the hop before.
import assert from 'node:assert/strict';
import { valueOf, valuesOf } from './http1-message.ts';
import type { Message } from './http1-message.ts';

const NEVER_FORWARDED = [
  'forwarded',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'x-forwarded-client-cert',
  'x-real-ip',
];

export function assertCanonical(request: Message): void {
  const [, target, version] = request.startLine;
  assert.equal(version, 'HTTP/1.1');
  assert.match(target, /^(?:\/|\*$)/, 'origin form');
  assert.deepEqual(request.chunkExtensions, [], 'no chunk extension is forwarded');
  const length = valueOf(request, 'content-length');
  if (length !== undefined) assert.equal(length, String(Number(length)), 'canonical Content-Length');
  const coding = valueOf(request, 'transfer-encoding');
  if (coding !== undefined) assert.equal(coding, 'chunked');
  for (const name of NEVER_FORWARDED) assert.deepEqual(valuesOf(request, name), [], `${name} is not forwarded`);
  const te = valueOf(request, 'te');
  assert.ok(te === undefined || te.toLowerCase() === 'trailers', `TE: ${te}`);
  const connection = (valueOf(request, 'connection') ?? '').toLowerCase();
  const upgrade = valueOf(request, 'upgrade');
  assert.equal(upgrade !== undefined, connection.includes('upgrade'), 'Upgrade and Connection: upgrade go together');
  assert.ok(upgrade === undefined || !/h2c/i.test(upgrade), 'h2c is not forwarded');
  assert.match(
    connection,
    /^(?:|keep-alive|close|te|upgrade)(?:, ?(?:keep-alive|close|te|upgrade))*$/,
    'options of this hop only',
  );
}
