import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RestartBackoff } from '../../../../src/app/supervisor/restart-backoff.ts';

it('the wait grows with each short life, up to a bound, and a long life ends it', () => {
  const backoff = new RestartBackoff();
  const delays = Array.from({ length: 9 }, () => backoff.delayMs(1_000));
  assert.deepEqual(delays, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  assert.equal(backoff.delayMs(60_000), 0);
  assert.equal(backoff.delayMs(1), 100);
});
