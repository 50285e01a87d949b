import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createAdmin } from '../../../src/admin/admin.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { SILENT_LOGGER } from '../../../src/observability/process-log.ts';
import { FakeSource, startAdmin } from './admin-fixture.ts';

const TOKEN = new SecretText('s3cret-admin-token');
const BEARER = { authorization: `Bearer ${TOKEN.reveal()}` };

test('a change needs the token', async (context) => {
  const { send, source, log } = await startAdmin(context, { token: TOKEN });
  for (const headers of [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: 'Bearer s3cret-admin-toke' },
    { authorization: 'Bearer s3cret-admin-token2' },
    { authorization: 'Bearer s3cret-admin-token x' },
    { authorization: 'Basic s3cret-admin-token' },
    { authorization: TOKEN.reveal() },
  ]) {
    const answer = await send('POST', '/drain', headers);
    assert.equal(answer.status, 401, JSON.stringify(headers));
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
    assert.equal((answer.json as { code: string }).code, 'unauthorized');
  }
  assert.equal(source.drains, 0);

  const answer = await send('POST', '/drain', BEARER);
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.json, { draining: true });
  assert.equal(source.drains, 1);
  assert.equal(log.parsed().filter(({ msg }) => msg === 'admin request').length, 1);
  assert.doesNotMatch(log.lines.join(''), /s3cret/);
});

test('without a configured token nothing can be changed', async (context) => {
  const { send, source } = await startAdmin(context);
  for (const headers of [{}, BEARER, { authorization: 'Bearer ' }, { authorization: 'Bearer undefined' }]) {
    const answer = await send('POST', '/drain', headers);
    assert.equal(answer.status, 403);
    assert.match(answer.body, /none is configured/);
  }
  for (const method of ['PUT', 'DELETE', 'PATCH']) assert.equal((await send(method, '/config')).status, 403);
  assert.equal(source.drains, 0);
});

test('reading needs no token', async (context) => {
  const { send } = await startAdmin(context, { token: TOKEN });
  for (const path of [
    '/healthz',
    '/readyz',
    '/metrics',
    '/config',
    '/status',
    '/problems',
    '/version',
    '/openapi.json',
  ]) {
    assert.equal((await send('GET', path)).status, 200, path);
    const head = await send('HEAD', path);
    assert.deepEqual([head.status, head.body], [200, ''], path);
  }
});

test('DNS rebinding: only localhost, IP addresses and configured names are served', async (context) => {
  const { send, source } = await startAdmin(context, { token: TOKEN, allowedHosts: ['Admin.Example.com'] });
  for (const host of [
    'localhost',
    'localhost:9000',
    'LOCALHOST',
    'localhost.',
    '127.0.0.1',
    '127.0.0.1:1',
    '10.1.2.3:9000',
    '[::1]',
    '[::1]:9000',
    'admin.example.com',
    'ADMIN.example.com:443',
  ])
    assert.equal((await send('GET', '/healthz', { host })).status, 200, host);
  for (const host of [
    'evil.example',
    'evil.example:9000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'admin.example.com.evil.example',
    'x.admin.example.com',
    'localhost@evil.example',
    'localhost, evil.example',
    '[::1',
    '[evil]',
    '2130706433',
    '0x7f000001',
    'localhost:x',
  ]) {
    for (const [method, path, headers] of [
      ['GET', '/healthz', {}],
      ['GET', '/nothing', {}],
      ['POST', '/drain', BEARER],
    ] as const) {
      const answer = await send(method, path, { ...headers, host });
      assert.equal(answer.status, 421, `${host} ${path}`);
      assert.match(answer.body, /Host header/);
    }
  }
  assert.equal(source.drains, 0);
});

test('DNS rebinding: a request without a host is refused', async (context) => {
  const { address } = await startAdmin(context);
  for (const [head, status] of [
    ['GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close', 421],
    ['GET /healthz HTTP/1.0', 421],
    ['GET /healthz HTTP/1.1', 400],
    ['GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close', 421],
  ] as const) {
    const socket = connect(address.port, address.host);
    socket.write(`${head}\r\n\r\n`);
    assert.match(await text(socket), new RegExp(`^HTTP/1.1 ${status} `), head);
  }
});

test('errors are small JSON without internals', async (context) => {
  const { send, source, log } = await startAdmin(context, { token: TOKEN });
  source.metrics = () => {
    throw new Error('at /secret/path with postgres://u:p@h');
  };
  const failed = await send('GET', '/metrics');
  assert.equal(failed.status, 500);
  assert.deepEqual(failed.json, { code: 'internal', message: 'The request failed; the process log says why.' });
  assert.match(log.lines.join(''), /secret\/path/);
  assert.doesNotMatch(log.lines.join(''), /u:p@h/);

  source.version = () => {
    throw Object.assign(new Error('connect 10.0.0.1'), { statusCode: 503 });
  };
  assert.deepEqual((await send('GET', '/version')).json, failed.json);

  for (const [method, path, headers, body, status, code] of [
    ['GET', '/nothing', {}, '', 404, 'not_found'],
    ['GET', '/config/%zz', {}, '', 400, 'invalid_request'],
    ['GET', '/config?kee=route', {}, '', 400, 'invalid_request'],
    ['GET', '/status?kind=a&kind=b', {}, '', 400, 'invalid_request'],
    ['POST', '/drain', { ...BEARER, 'content-type': 'text/xml' }, '<a/>', 415, 'unsupported_media_type'],
    ['POST', '/drain', { ...BEARER, 'content-type': 'application/json' }, '{', 400, 'invalid_request'],
    [
      'POST',
      '/drain',
      { ...BEARER, 'content-type': 'application/json' },
      `"${'x'.repeat(70_000)}"`,
      413,
      'payload_too_large',
    ],
  ] as const) {
    const answer = await send(method, path, headers, body);
    assert.equal(answer.status, status, `${method} ${path}`);
    const { code: given, message, ...rest } = answer.json as Record<string, string>;
    assert.deepEqual([given, rest], [code, {}]);
    assert.ok(message !== undefined && message.length < 200 && !/\.ts|node_modules|FST_/.test(message), message);
  }
  assert.equal(source.drains, 0);
});

test('answers are not cached, not sniffed and open to no other origin', async (context) => {
  const { send } = await startAdmin(context);
  for (const path of ['/config', '/nothing']) {
    const { headers } = await send('GET', path, { origin: 'https://evil.example' });
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
});

test('bytes that are not HTTP get 400 and harm nobody', async (context) => {
  const { address, send } = await startAdmin(context);
  for (const bytes of [
    '\0\x01\x02\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost b\r\n\r\n',
    'GET  / HTTP/9.9\r\n\r\n',
  ]) {
    const socket = connect(address.port, address.host);
    socket.write(bytes, 'latin1');
    assert.match(await text(socket), /^HTTP\/1\.1 400 /);
  }
  assert.equal((await send('GET', '/healthz')).status, 200);
});

test('an address in use is told by listen()', async (context) => {
  const { address } = await startAdmin(context);
  const second = createAdmin({ address, source: new FakeSource(), logger: SILENT_LOGGER });
  await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
  await second.close();
});

test('close() waits for no idle and no reading client', async () => {
  const source = new FakeSource();
  const admin = createAdmin({ address: { host: '127.0.0.1', port: 0 }, source, logger: SILENT_LOGGER });
  const { host, port } = await admin.listen();
  const idle = connect(port, host);
  await once(idle, 'connect');
  const status = { apiVersion: 'v1', kind: 'X', name: 'x', status: { text: 'x'.repeat(1_000) } };
  source.statusesNow = Array.from({ length: 50_000 }, () => status);
  const stuck = connect(port, host).pause();
  stuck.write('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(stuck, 'readable');
  for (const socket of [idle, stuck]) socket.on('error', () => {});
  const started = performance.now();
  await admin.close();
  assert.ok(performance.now() - started < 2_000);
  idle.destroy();
  stuck.destroy();
});
