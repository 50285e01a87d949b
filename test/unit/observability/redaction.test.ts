import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSensitiveName, redactQuery, redactUrls } from '../../../src/observability/redaction.ts';

test('L01: names of credentials are sensitive in any spelling', () => {
  for (const name of [
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'Set-Cookie',
    'x-api-key',
    'apiKey',
    'api_key',
    'password',
    'dbPassword',
    'token',
    'access_token',
    'X-Amz-Security-Token',
    'client_secret',
    'privateKeyPem',
  ])
    assert.ok(isSensitiveName(name), name);
  for (const name of [
    'code',
    'key',
    'host',
    'route',
    'tokens_used',
    'cookieless',
    'x-request-id',
    '',
    'author',
    'signal',
  ]) {
    assert.ok(!isSensitiveName(name), name);
  }
});

test('L01: values of sensitive query parameters are replaced, all else is kept byte for byte', () => {
  for (const [query, expected] of [
    ['', ''],
    ['x=1&y=2', 'x=1&y=2'],
    ['token=abc', 'token=[redacted]'],
    ['a=1&key=abc&b=2', 'a=1&key=[redacted]&b=2'],
    ['password=p%20q&code=77', 'password=[redacted]&code=[redacted]'],
    ['TOKEN=abc', 'TOKEN=[redacted]'],
    ['access_token=a=b==&x', 'access_token=[redacted]&x'],
    ['%74oken=abc', '%74oken=[redacted]'],
    ['to%6ben[]=abc', 'to%6ben[]=[redacted]'],
    ['token=it\'s "quoted" <b>', 'token=[redacted]'],
    ['token=a;b', 'token=[redacted]'],
    ['x=1;token=abc', 'x=1;token=[redacted]'],
    ['to=/login?token=abc', 'to=/login?token=[redacted]'],
    ['to=https://u:p@h/', 'to=https://[redacted]@h/'],
    ['zipcode=1&monkey=2&tokens=3', 'zipcode=1&monkey=2&tokens=3'],
    ['token', 'token'],
    ['&&=&token=', '&&=&token=[redacted]'],
    ['%zz=1&key=2', '%zz=1&key=[redacted]'],
  ] as const)
    assert.equal(redactQuery(query), expected, query);
});

test('L02: URLs inside a text lose userinfo and secrets', () => {
  for (const [text, expected] of [
    ['connect to redis://user:p@ss@10.0.0.1:6379/0 failed', 'connect to redis://[redacted]@10.0.0.1:6379/0 failed'],
    ['GET https://h/a?x=1&token=abc#access_token=d "HTTP"', 'GET https://h/a?x=1&token=[redacted] "HTTP"'],
    ['mail a@b.c, see https://h/@x?', 'mail a@b.c, see https://h/@x?'],
    ['what? password=1', 'what? password=1'],
  ] as const)
    assert.equal(redactUrls(text), expected);
});

test('redaction takes time in proportion to the text', () => {
  for (const unit of ['://', '?', '&', '=', '://@', ';a=', '%', '?a', '#=']) {
    const started = performance.now();
    redactUrls(unit.repeat(50_000));
    redactQuery(unit.repeat(50_000));
    assert.ok(performance.now() - started < 1_000, unit);
  }
});
