import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { createProcessLog, LOG_LEVELS, type LogLevel, type Logger } from '../../../src/observability/process-log.ts';
import { MemorySink } from './memory-sink.ts';

test('a line is JSON with level, time, fields and message', () => {
  const { logger, sink } = capture('info');
  logger.child({ component: 'admin' }).warn({ port: 1 }, 'hello %s');
  const [line] = sink.parsed();
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual({ ...line, time: '' }, { level: 'warn', time: '', component: 'admin', port: 1, msg: 'hello %s' });
});

test('the level decides what is shown', () => {
  for (const [index, level] of LOG_LEVELS.entries()) {
    const { logger, sink } = capture(level);
    for (const shown of LOG_LEVELS) if (shown !== 'silent') logger[shown]('x');
    assert.deepEqual(
      sink.parsed().map((line) => line['level']),
      LOG_LEVELS.slice(1, index + 1),
    );
  }
});

test('L01: credentials are redacted at any depth, in errors and in URLs', () => {
  const { logger, sink } = capture('info');
  const failure = Object.assign(new Error('GET https://user:HIDDEN@h/?token=HIDDEN failed'), {
    request: { headers: { Authorization: 'Bearer HIDDEN', cookie: ['HIDDEN'] } },
    cause: new Error('redis://:HIDDEN@10.0.0.1/'),
  });
  logger.child({ password: 'HIDDEN' }).error(
    {
      err: failure,
      token: new SecretText('HIDDEN'),
      a: { b: { c: { d: { 'x-api-key': 'HIDDEN', 'set-cookie': { x: 'HIDDEN' }, 'proxy-authorization': 1234567 } } } },
    },
    'see http://u:HIDDEN@h/?key=HIDDEN&a=1',
  );
  const text = sink.lines.join('');
  assert.doesNotMatch(text, /HIDDEN|1234567/);
  assert.match(text, /see http:\/\/\[redacted\]@h\/\?key=\[redacted\]&a=1/);
  assert.match(text, /Authorization/);
});

test('ordinary fields are left alone', () => {
  const { logger, sink } = capture('info');
  logger.info({ code: 'ECONNREFUSED', key: 'route/HTTPRoute/shop/cart', path: 'spec.rules[0]' }, 'x');
  const { code, key, path } = sink.parsed()[0] ?? {};
  assert.deepEqual(
    { code, key, path },
    { code: 'ECONNREFUSED', key: 'route/HTTPRoute/shop/cart', path: 'spec.rules[0]' },
  );
});

test('nothing that is logged can throw, break a line or reach a terminal', () => {
  const { logger, sink } = capture('info');
  const circular: Record<string, unknown> = { a: 1 };
  circular['self'] = circular;
  const throwing = { toJSON: () => assert.fail('no') };
  const values = [
    circular,
    throwing,
    1n,
    Symbol('x'),
    Number.NaN,
    undefined,
    null,
    () => {},
    '\ud800',
    JSON.parse('{"__proto__":1}'),
  ];
  for (const value of values) logger.info({ value }, 'a\n\r\x1b[2J\x7f\x9b"\\b');
  assert.equal(sink.lines.length, values.length);
  for (const line of sink.lines) assert.match(line, /^[^\p{Cc}]+\n$/u);
  for (const line of sink.parsed()) assert.equal(line['msg'], 'a\n\r\x1b[2J\x7f\x9b"\\b');
});

function capture(level: LogLevel): { readonly logger: Logger; readonly sink: MemorySink } {
  const sink = new MemorySink();
  return { logger: createProcessLog({ level, sink }), sink };
}
