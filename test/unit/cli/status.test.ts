// `sluice status` against admin APIs that answer well, badly and not at all.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runProgram } from '../../../src/cli/program.ts';
import { memoryTerminal } from './memory-terminal.ts';

const LOOPBACK = '127.0.0.1';
const ITEM = { apiVersion: 'v1', kind: 'HTTPRoute', namespace: 'shop', name: 'cart', status: {} };

interface FakeAdmin extends AsyncDisposable {
  readonly address: string;
  /** Paths with queries, as asked. */
  readonly asked: string[];
}

async function startAdmin(
  answers: Readonly<Record<string, readonly [status: number, body: string]>>,
): Promise<FakeAdmin> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const [status, body] = answers[url.split('?')[0] ?? ''] ?? [404, '{}'];
    response.writeHead(status, { location: '/elsewhere' }).end(body);
  });
  await new Promise<void>((done) => server.listen(0, LOOPBACK, done));
  return {
    address: `${LOOPBACK}:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function status(...argv: string[]): Promise<{ code: number; output: string; errors: string }> {
  const terminal = memoryTerminal();
  const code = await runProgram(['status', ...argv], terminal);
  return { code, ...terminal.printed };
}

const GOOD = {
  '/readyz': [200, '{"ready":true,"reasons":[]}'],
  '/status': [200, JSON.stringify({ items: [ITEM] })],
  '/problems': [200, '{"items":[{"message":"bad"}]}'],
} as const;

test('shows what the gateway says', async () => {
  await using admin = await startAdmin(GOOD);
  const { code, output } = await status('--admin', admin.address);
  assert.equal(code, 0);
  assert.match(output, /^ready\n/);
  assert.match(output, /HTTPRoute +shop\/cart/);
  assert.match(output, /1 problem in the manifests/);
  assert.deepEqual(admin.asked.toSorted(), ['/problems', '/readyz', '/status']);
});

test('a gateway that is not ready still answers', async () => {
  await using admin = await startAdmin({ ...GOOD, '/readyz': [503, '{"ready":false,"reasons":["draining"]}'] });
  const { code, output } = await status('--admin', `http://${admin.address}`);
  assert.equal(code, 0);
  assert.match(output, /^not ready: draining\n/);
});

test('asks for some objects only, by the names that kubectl takes', async () => {
  await using admin = await startAdmin(GOOD);
  const { output } = await status('httpRoutes', 'cart', '-n', 'shop', '--admin', admin.address, '--json');
  assert.deepEqual(JSON.parse(output), { readiness: { ready: true, reasons: [] }, items: [ITEM] });
  assert.deepEqual(admin.asked.toSorted(), ['/readyz', '/status?kind=HTTPRoute&namespace=shop&name=cart']);
});

test('an object that is not there is told', async () => {
  await using admin = await startAdmin({ ...GOOD, '/status': [200, '{"items":[]}'] });
  const { code, errors } = await status('gateway', 'web', '--admin', admin.address);
  assert.equal(code, 1);
  assert.equal(errors, 'sluice: there is no status for Gateway web\n');
});

test('when nothing answers, one line says so and what to do', async () => {
  const admin = await startAdmin({});
  await admin[Symbol.asyncDispose]();
  const { code, errors } = await status('--admin', admin.address);
  assert.equal(code, 1);
  assert.match(errors, /^sluice: no answer from http:\S+ \(ECONNREFUSED\); is the gateway running\? --admin .*\n$/);
});

test('what is no admin API is told', async () => {
  for (const answer of [
    [404, '{}'],
    [302, ''],
    [200, '<html>'],
  ] as const) {
    await using admin = await startAdmin({ '/readyz': answer, '/status': answer, '/problems': answer });
    const { code, errors } = await status('--admin', admin.address);
    assert.equal(code, 1);
    assert.match(errors, /answered 404|no answer|is not the admin API of Sluice/);
    assert.equal(errors.split('\n').length, 2);
  }
});
