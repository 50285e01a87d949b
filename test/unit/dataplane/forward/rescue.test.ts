import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RESCUES } from '../../../../src/dataplane/forward/rescue.ts';
import type { ProxyErrorCode } from '../../../../src/dataplane/proxy-error.ts';
import { RESPONSE_FLAGS } from '../../../../src/observability/response-flag.ts';

/** Written down a second time: what clients and dashboards rely on changes only on purpose. */
const EXPECTED: Readonly<Record<ProxyErrorCode, readonly [status: number, flag: string]>> = {
  bad_request: [400, 'DPE'],
  payload_too_large: [413, 'DPE'],
  uri_too_long: [414, 'DPE'],
  headers_too_large: [431, 'DPE'],
  not_implemented: [501, 'DPE'],
  method_not_allowed: [405, 'DPE'],
  version_not_supported: [505, 'DPE'],
  expectation_failed: [417, 'DPE'],
  request_timeout: [408, 'DT'],
  downstream_closed: [499, 'DC'],
  stream_idle: [504, 'SI'],
  misdirected: [421, 'MR'],
  route_not_found: [404, 'NR'],
  no_backend: [500, 'NC'],
  no_healthy_upstream: [503, 'UH'],
  upstream_overflow: [503, 'UO'],
  upstream_connect_failed: [503, 'UF'],
  upstream_connect_timeout: [504, 'UF'],
  upstream_reset: [503, 'UC'],
  upstream_protocol_error: [502, 'UPE'],
  upstream_timeout: [504, 'UT'],
  route_timeout: [504, 'DT'],
  loop_detected: [508, 'LD'],
  internal: [500, 'IE'],
};

describe('rescue', () => {
  for (const [code, [status, flag]] of Object.entries(EXPECTED)) {
    test(`${code} is ${status} ${flag}`, () => {
      const rescue = RESCUES[code as ProxyErrorCode];
      assert.deepEqual([rescue.status, rescue.flag], [status, flag]);
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
