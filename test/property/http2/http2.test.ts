// The HTTP/2 codec by its properties: how frames are read, that no message is lost or doubled, and that no bytes do harm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, SOURCES } from '../mutant.ts';
import { findMisreadFrame } from './frames-property.ts';
import { findFragility } from './hostile-property.ts';
import { MUTANTS } from './mutants.ts';
import { loadProduct } from './product.ts';
import { findLostMessage } from './sessions-property.ts';

const DEPTH = process.env['SLUICE_TEST_DEPTH'] ?? '';
const SAMPLES = { quick: 300, full: 20_000 }[DEPTH] ?? 1_000;
const CONNECTIONS = { quick: 50, full: 5_000 }[DEPTH] ?? 200;
const INPUTS = { quick: 2_000, full: 200_000 }[DEPTH] ?? 10_000;
/** Each mutant needs some tens. */
const MUTANT_CONNECTIONS = 200;
const PARTS = ['dataplane/codec/http2'];

test(`${SAMPLES} sequences of frames are read the same, however they are cut`, async () => {
  assert.equal(findMisreadFrame(await loadProduct(SOURCES), seededRandom(), SAMPLES), undefined);
});

test(`on ${CONNECTIONS} connections every message arrives whole or is reported as broken, once`, async () => {
  assert.equal(findLostMessage(await loadProduct(SOURCES), seededRandom(), CONNECTIONS), undefined);
});

test(`${INPUTS} clients that send anything end their connection, or go on`, async () => {
  assert.equal(findFragility(await loadProduct(SOURCES), seededRandom(), INPUTS), undefined);
});

describeMutants('the properties of HTTP/2 find that', MUTANTS, PARTS, async (sources) => {
  const product = await loadProduct(sources);
  return (
    findMisreadFrame(product, seededRandom(), 200) ??
    findFragility(product, seededRandom(), 2_000) ??
    findLostMessage(product, seededRandom(), MUTANT_CONNECTIONS)
  );
});
