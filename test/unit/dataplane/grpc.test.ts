import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeGrpcMessage, isGrpcCall, parseGrpcTimeout } from '../../../src/dataplane/grpc.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';

test('a call is told by its content type', () => {
  const isCall = (type: string): boolean => isGrpcCall(new HeaderList(['content-type', type]));
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc; x=y', 'application/grpc ;x'])
    assert.ok(isCall(type), type);
  for (const type of ['application/grpc-web', 'application/grpc-web+proto', 'application/grpcx', 'text/plain', ''])
    assert.ok(!isCall(type), type);
  assert.ok(!isGrpcCall(new HeaderList([])));
});

test('a timeout is up to eight digits and a unit, and nothing else', () => {
  for (const [text, ms] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['250m', 250],
    ['1500u', 2],
    ['1n', 1],
    ['0m', 0],
    ['99999999H', 359_999_996_400_000],
  ] as const)
    assert.equal(parseGrpcTimeout(text), ms, text);
  for (const text of ['', '1', 'm', '123456789m', '-1m', '1.5S', '1 m', '1ms', '1s', ' 1m', '1m\n'])
    assert.equal(parseGrpcTimeout(text), undefined, text);
});

test('a message survives as ASCII', () => {
  for (const message of ['plain', '100 %', 'naïve\r\n', '\u0000\u007f', '🙂']) {
    const encoded = encodeGrpcMessage(message);
    assert.match(encoded, /^[\x20-\x7e]*$/);
    assert.equal(decodeURIComponent(encoded), message);
  }
});
