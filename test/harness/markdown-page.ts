// The documentation as tests read it: pages, fenced blocks, rows of tables, links and the headings they lead to.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT: string = join(import.meta.dirname, '../..');

export interface FencedBlock {
  readonly language: string;
  readonly text: string;
}

const FENCE = /^```(?<language>\w*)\n(?<text>[^]*?)^```$/gm;
const INLINE_CODE = /`[^`\n]*`/g;
const LINK = /\[[^\]]*\]\((?<target>[^)\s]+)\)/g;
const HEADING = /^#+ +(?<title>.+)$/gm;

/** All pages of the repository, as paths from its root. */
export function pagePaths(): readonly string[] {
  const exclude = (path: string): boolean => /^(?:node_modules|dist|coverage|\..*)$/.test(path);
  return globSync('**/*.md', { cwd: ROOT, exclude }).toSorted();
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function fencedBlocks(page: string): readonly FencedBlock[] {
  return Array.from(page.matchAll(FENCE), ({ groups }) => ({
    language: groups?.['language'] ?? '',
    text: groups?.['text'] ?? '',
  }));
}

/** The cells of each row of each table, without the back-ticks around a cell's only word. */
export function tableRows(page: string): readonly (readonly string[])[] {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
  );
}

/** Targets of links, those in code left out. */
export function linkTargets(page: string): readonly string[] {
  const prose = page.replace(FENCE, '').replace(INLINE_CODE, '');
  return Array.from(prose.matchAll(LINK), ({ groups }) => groups?.['target'] ?? '');
}

/** What links to headings end in, as the usual renderers make it. */
export function anchors(page: string): readonly string[] {
  return Array.from(page.replace(FENCE, '').matchAll(HEADING), ({ groups }) =>
    (groups?.['title'] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
