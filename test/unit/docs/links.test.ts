// Links inside the repository lead somewhere: to a file or folder, and to a heading of it where one is named.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { anchors, linkTargets, pagePaths, readPage, ROOT } from '../../harness/markdown-page.ts';

const OTHER_SITE = /^[a-z]+:/;

test('every relative link of every page leads somewhere', () => {
  const pages = pagePaths();
  assert.ok(pages.includes('README.md') && pages.includes('docs/getting-started.md'), 'the pages are found');
  assert.deepEqual(pages.flatMap(brokenLinks), []);
});

function brokenLinks(page: string): readonly string[] {
  const targets = linkTargets(readPage(page)).filter((target) => !OTHER_SITE.test(target));
  return targets.filter((target) => !leadsSomewhere(page, target)).map((target) => `${page}: ${target}`);
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || (file.endsWith('.md') && anchors(readPage(file)).includes(anchor));
}
