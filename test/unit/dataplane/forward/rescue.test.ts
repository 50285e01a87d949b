import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RESCUES } from '../../../../src/dataplane/forward/rescue.ts';
import type { ProxyErrorCode } from '../../../../src/dataplane/proxy-error.ts';
import { RESPONSE_FLAGS } from '../../../../src/observability/response-flag.ts';

/** Written down a second time: what clients and dashboards rely on changes only on purpose. */
const EXPECTED: Readonly<Record<ProxyErrorCode, readonly [status: number, flag: string, grpc: number]>> = {
  bad_request: [400, 'DPE', 13],
  payload_too_large: [413, 'DPE', 8],
  uri_too_long: [414, 'DPE', 13],
  headers_too_large: [431, 'DPE', 8],
  not_implemented: [501, 'DPE', 12],
  method_not_allowed: [405, 'DPE', 12],
  version_not_supported: [505, 'DPE', 13],
  expectation_failed: [417, 'DPE', 13],
  request_timeout: [408, 'DT', 14],
  downstream_closed: [499, 'DC', 1],
  stream_idle: [504, 'SI', 14],
  misdirected: [421, 'MR', 14],
  route_not_found: [404, 'NR', 12],
  no_backend: [500, 'NC', 14],
  no_healthy_upstream: [503, 'UH', 14],
  upstream_overflow: [503, 'UO', 14],
  upstream_connect_failed: [503, 'UF', 14],
  upstream_connect_timeout: [504, 'UF', 14],
  upstream_reset: [503, 'UC', 14],
  upstream_refused: [503, 'UR', 14],
  upstream_protocol_error: [502, 'UPE', 14],
  upstream_timeout: [504, 'UT', 4],
  route_timeout: [504, 'DT', 4],
  overloaded: [503, 'OM', 14],
  loop_detected: [508, 'LD', 13],
  drain_expired: [503, 'LR', 14],
  internal: [500, 'IE', 13],
};

describe('rescue', () => {
  for (const [code, [status, flag, grpc]] of Object.entries(EXPECTED)) {
    test(`${code} is ${status} ${flag}`, () => {
      const rescue = RESCUES[code as ProxyErrorCode];
      assert.deepEqual([rescue.status, rescue.flag, rescue.grpc], [status, flag, grpc]);
      assert.ok(rescue.flag in RESPONSE_FLAGS, 'a documented flag');
      assert.match(rescue.message, /^[A-Z][^\n]*\.$/, 'a sentence for people');
    });
  }
  test('L03 no message tells of the inside', () => {
    for (const { message } of Object.values(RESCUES)) {
      assert.doesNotMatch(message, /\d|[A-Z]{2,}_|socket|ECONN|cluster|endpoint [^o]|snapshot|\/[a-z]/);
    }
  });
  test('every failure has its rescue', () => {
    assert.deepEqual(Object.keys(RESCUES).toSorted(), Object.keys(EXPECTED).toSorted());
  });
});
