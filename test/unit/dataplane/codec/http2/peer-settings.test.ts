import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PeerSettings, settingsPayload } from '../../../../../src/dataplane/codec/http2/peer-settings.ts';

function read(...entries: readonly (readonly [number, number])[]): { code: number; settings: PeerSettings } {
  const settings = new PeerSettings();
  const payload = settingsPayload(entries);
  return { code: settings.read(payload, 0, payload.length), settings };
}

test('values are taken over, the last of each counts, and unknown ones mean nothing', () => {
  const { code, settings } = read(
    [1, 100],
    [2, 0],
    [3, 7],
    [4, 0],
    [4, 2 ** 31 - 1],
    [5, 2 ** 24 - 1],
    [6, 1],
    [8, 1],
    [0xffff, 2 ** 32 - 1],
  );
  assert.equal(code, 0);
  assert.deepEqual(Object.fromEntries(Object.entries(settings)), {
    headerTableBytes: 100,
    allowsPush: false,
    maxConcurrentStreams: 7,
    initialWindowBytes: 2 ** 31 - 1,
    maxFrameBytes: 2 ** 24 - 1,
    allowsExtendedConnect: true,
  });
});

describe('a value that may not be', () => {
  for (const [what, entries, expected] of [
    ['a push of 2', [[2, 2]], 1],
    ['a window of 2^31', [[4, 2 ** 31]], 3],
    ['frames below 16384', [[5, 16_383]], 1],
    ['frames of 2^24', [[5, 2 ** 24]], 1],
    ['extended CONNECT of 2', [[8, 2]], 1],
    [
      'extended CONNECT taken back',
      [
        [8, 1],
        [8, 0],
      ],
      1,
    ],
  ] as const) {
    test(what, () => assert.equal(read(...entries).code, expected));
  }
});
