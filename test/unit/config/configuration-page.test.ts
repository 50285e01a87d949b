import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFIGURATION_PAGE, configurationPage } from '../../../tools/configuration-page.ts';

test('docs/reference/configuration.md is what the schema says (else run `node tools/configuration-page.ts`)', () => {
  assert.equal(readFileSync(CONFIGURATION_PAGE, 'utf8'), configurationPage());
});
