// docs/security.md has a row for every case of hardening that concerns the data path, and every case has a test that names it, unless its
// row says why there is none.
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { it } from 'node:test';
import { readPage, ROOT, tableRows } from '../../harness/markdown-page.ts';

/** Framing, HTTP/2, paths, identity, resources, TLS, logs: how many there are of each. */
const CASES = { F: 26, H: 20, P: 7, I: 10, R: 12, T: 8, L: 4 } as const;
const IDS = Object.entries(CASES).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, index) => `${letter}${String(index + 1).padStart(2, '0')}`),
);
const COMMENT = /^ *\/\/.*$/gm;
const SAYS_WHY = /\bno test\b/i;

const ROWS = new Map(tableRows(readPage('docs/security.md')).map(([id = '', ...cells]) => [id, cells.join(' ')]));

function idsOfTests(): ReadonlySet<string> {
  const files = globSync('test/**/*.test.ts', { cwd: ROOT });
  const ids = new Set<string>();
  for (const file of files) {
    const code = readPage(file).replaceAll(COMMENT, '');
    for (const [id] of code.matchAll(/\b[FHPIRTL]\d{2}\b/g)) ids.add(id);
  }
  return ids;
}

it('has a row for each case', () => {
  assert.deepEqual(
    IDS.filter((id) => !ROWS.has(id)),
    [],
  );
});

it('has a test for each case, or says why not', () => {
  const tested = idsOfTests();
  assert.deepEqual(
    IDS.filter((id) => !tested.has(id) && !SAYS_WHY.test(ROWS.get(id) ?? '')),
    [],
  );
});
