// Random choices that can be repeated: the seed is in every failure's message, and SLUICE_TEST_SEED brings it back.

export interface SeededRandom {
  /** `SLUICE_TEST_SEED=<n>`, to be printed with a failure. */
  readonly seed: string;
  /** An integer from 0 up to, not including, the limit. */
  below(limit: number): number;
  pick<T>(choices: readonly T[]): T;
  /** Cuts bytes into that many pieces, some of them perhaps empty. */
  split(bytes: Buffer, pieces: number): Buffer[];
}

export function seededRandom(
  seed: number = Number(process.env['SLUICE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31)),
): SeededRandom {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return {
    seed: `SLUICE_TEST_SEED=${seed}`,
    below,
    pick: (choices) => {
      if (choices.length === 0) throw new Error('nothing to pick from');
      return choices[below(choices.length)] as (typeof choices)[number];
    },
    split: (bytes, pieces) => {
      const cuts = Array.from({ length: pieces - 1 }, () => below(bytes.length + 1)).sort((a, b) => a - b);
      return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length));
    },
  };
}
