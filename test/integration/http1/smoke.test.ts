// One request through a gateway: what every other test of this folder takes for granted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { WireClient } from '../../harness/wire-client.ts';

test('smoke: a request is forwarded and answered', async () => {
  const gateway = await startGateway();
  const client = await WireClient.open(gateway);
  await client.send('GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n').untilText('200 OK');
  const [connection] = gateway.upstream.connections;
  assert.match(connection?.bytes.toString('latin1') ?? '', /^GET \/a\?b HTTP\/1\.1\r\n/);
  client.destroy();
  await gateway.close();
});
