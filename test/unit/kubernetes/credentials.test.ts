// Credentials are used for as long as they are good, asked for anew when refused, and never asked for too often.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CredentialCache, MIN_RENEWAL_MS } from '../../../src/kubernetes/credentials.ts';
import type { IssuedCredentials } from '../../../src/kubernetes/credentials.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { FakeClock } from '../../harness/fake-clock.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly cache: CredentialCache;
  /** How often the source was asked. */
  asked: number;
  failure: Error | undefined;
}

function bench(lifetimeMs: number, graceMs = 0): Bench {
  const clock = new FakeClock();
  const source = async (): Promise<IssuedCredentials> => {
    bench.asked++;
    await nextTurn();
    if (bench.failure !== undefined) throw bench.failure;
    const refreshAtMs = clock.dateMs() + lifetimeMs;
    return {
      credentials: { authorization: new SecretText(`${bench.asked}`) },
      refreshAtMs,
      expiresAtMs: refreshAtMs + graceMs,
    };
  };
  const bench: Bench = { clock, cache: new CredentialCache(source, clock), asked: 0, failure: undefined };
  return bench;
}

async function current({ cache }: Bench): Promise<string | undefined> {
  return (await cache.current()).authorization?.reveal();
}

describe('credential cache', () => {
  test('asks once for many, and anew when they have run out', async () => {
    const b = bench(60_000);
    assert.deepEqual(await Promise.all([current(b), current(b), current(b)]), ['1', '1', '1']);
    b.clock.advance(59_999);
    assert.equal(await current(b), '1');
    b.clock.advance(1);
    assert.equal(await current(b), '2');
  });

  test('what cannot be refreshed is used while it is good', async () => {
    const b = bench(60_000, 30_000);
    await current(b);
    b.failure = new Error('no file');
    b.clock.advance(60_000);
    assert.equal(await current(b), '1');
    b.clock.advance(30_000);
    await assert.rejects(current(b), { code: 'credentials', message: 'no file' });
    b.failure = undefined;
    b.clock.advance(MIN_RENEWAL_MS);
    assert.equal(await current(b), '4');
  });

  test('refused ones are replaced once, not by each who used them, and not at any pace', async () => {
    const b = bench(Infinity);
    const refused = await b.cache.current();
    assert.equal(await b.cache.renew(refused), refused, 'they were issued only now');
    b.clock.advance(MIN_RENEWAL_MS);
    const [one, two] = await Promise.all([b.cache.renew(refused), b.cache.renew(refused)]);
    assert.equal(one.authorization?.reveal(), '2');
    assert.equal(one, two);
    b.clock.advance(MIN_RENEWAL_MS);
    assert.equal(await b.cache.renew(refused), one, 'others have been issued since');
    assert.equal(b.asked, 2);
  });

  test('a source that fails is asked at a bounded pace', async () => {
    const b = bench(60_000);
    b.failure = new Error('no plugin');
    for (let round = 0; round < 5; round++) await assert.rejects(current(b), /no plugin/);
    assert.equal(b.asked, 1);
  });
});
