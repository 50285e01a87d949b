// docs/reference/errors.md names every code and flag that the source has, with the status and flag that go with it, and no other.
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { describe, it } from 'node:test';
import { RESCUES } from '../../../src/dataplane/forward/rescue.ts';
import { RESPONSE_FLAGS } from '../../../src/observability/response-flag.ts';
import { readPage, ROOT, tableRows } from '../../harness/markdown-page.ts';

const PAGE = readPage('docs/reference/errors.md');

/** First cells of the rows of one section; a cell may hold several codes. */
function codesOf(section: string): readonly string[] {
  return rowsOf(section).flatMap(([first = '']) => first.replaceAll('`', '').split(', '));
}

/** Without the head of the table. */
function rowsOf(section: string): readonly (readonly string[])[] {
  const [, text = ''] = PAGE.split(`\n## ${section}\n`);
  const rows = tableRows(text.split('\n## ')[0] ?? '');
  return rows.filter((row, index) => !isRule(row) && !isRule(rows[index + 1] ?? []));
}

function isRule(row: readonly string[]): boolean {
  return row.length > 0 && row.every((cell) => /^-+$/.test(cell));
}

/** The members of a union of literals: types leave no trace at run time. */
function unionMembers(file: string, type: string): readonly string[] {
  const [, union] =
    new RegExp(`export type ${type} =([^;]+);`).exec(readPage(file)) ?? assert.fail(`${type} in ${file}`);
  return Array.from((union ?? '').matchAll(/'([^']+)'/g), ([, member]) => member ?? '');
}

function sorted(texts: Iterable<string>): readonly string[] {
  return [...texts].toSorted();
}

describe('the page of errors', () => {
  it('has each code of a failed request with its status and flag', () => {
    const rows = rowsOf('Requests').filter((row) => row.length === 5);
    assert.deepEqual(
      rows.map(([code, status, flag]) => ({ code, status: Number(status), flag })).toSorted(byCode),
      Object.entries(RESCUES)
        .map(([code, { status, flag }]) => ({ code, status, flag }))
        .toSorted(byCode),
    );
    assert.deepEqual(
      sorted(Object.keys(RESCUES)),
      sorted(unionMembers('src/dataplane/proxy-error.ts', 'ProxyErrorCode')),
    );
  });

  it('has each response flag', () => {
    const flags = rowsOf('Requests').filter((row) => row.length === 2);
    assert.deepEqual(sorted(flags.map(([flag = '']) => flag)), sorted(Object.keys(RESPONSE_FLAGS)));
  });

  it('has each code of a problem of manifests', () => {
    const codes = [
      ...unionMembers('src/validation/problem.ts', 'ProblemCode'),
      ...unionMembers('src/lib/yaml-document.ts', 'YamlErrorCode'),
      ...unionMembers('src/provider/file/file-problem.ts', 'FileProblemCode'),
    ];
    assert.deepEqual(sorted(codesOf('Problems of manifests')), sorted(codes));
  });

  it('has each code of the admin API', () => {
    assert.deepEqual(sorted(codesOf('Admin API')), sorted(unionMembers('src/admin/admin-error.ts', 'AdminErrorCode')));
  });

  it('has the code of each other error', () => {
    const sources = globSync('src/**/*.ts', { cwd: ROOT }).map(readPage);
    const codes = sources.flatMap((source) =>
      Array.from(source.matchAll(/readonly code = '([^']+)'/g), ([, code]) => code),
    );
    assert.ok(codes.length > 0);
    assert.deepEqual(sorted(codesOf('Configuration and start')), sorted(codes.map(String)));
  });
});

function byCode(a: { readonly code?: string | undefined }, b: { readonly code?: string | undefined }): number {
  return String(a.code) < String(b.code) ? -1 : 1;
}
