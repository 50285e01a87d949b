// A broken copy of the product: it differs from it by one edit of its text that changes what it does. Property tests prove with
// them that they would notice.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The product's sources. */
export const SOURCES: string = fileURLToPath(new URL('../../src', import.meta.url));

export interface Mutant {
  /** Below the sources. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly text: string;
  readonly replacement: string;
}

/**
 * A test for each mutant, by what is wrong with it. `parts` of the sources are copied; `check` gets the folder of the copy, and
 * returns the disagreement that it finds.
 */
export function describeMutants(
  title: string,
  mutants: Readonly<Record<string, Mutant>>,
  parts: readonly string[],
  check: (sources: string) => Promise<string | undefined>,
): void {
  describe(title, () => {
    let folder = '';
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-mutants-'));
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    });
    after(() => rmSync(folder, { recursive: true }));

    for (const [index, [name, mutant]] of Object.entries(mutants).entries()) {
      test(name, async () => {
        const copy = join(folder, String(index));
        for (const part of parts) cpSync(join(SOURCES, part), join(copy, part), { recursive: true });
        applyEdit(join(copy, mutant.file), mutant);
        assert.notEqual(await check(copy), undefined);
      });
    }
  });
}

function applyEdit(path: string, { text, replacement }: Mutant): void {
  const pieces = readFileSync(path, 'utf8').split(text);
  assert.equal(pieces.length, 2, `${path} must hold exactly once: ${text}`);
  writeFileSync(path, pieces.join(replacement));
}
