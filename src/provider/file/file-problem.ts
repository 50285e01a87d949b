// What is wrong in a file, said so that it can be found and mended: place first, as editors and terminals link it, then the object,
// the field and what to do.
import type { YamlErrorCode } from '../../lib/yaml-document.ts';
import type { ProblemCode } from '../../validation/problem.ts';

export type FileProblemCode =
  | ProblemCode
  | YamlErrorCode
  | 'broken-link'
  | 'duplicate-object'
  | 'encoding'
  | 'forbidden'
  | 'missing'
  | 'too-large'
  | 'too-many-files'
  | 'unreadable';

export interface FileProblem {
  readonly file: string;
  /** Counted from 1; 1 where the problem is of the file as a whole. */
  readonly line: number;
  readonly column: number;
  /** `HTTPRoute shop/cart`, as far as the object says. */
  readonly object?: string;
  /** `spec.rules[0].matches[1].path` */
  readonly path?: string;
  readonly message: string;
  readonly code: FileProblemCode;
}

/** A problem of a file, or of a directory, as a whole. */
export function wholeFileProblem(file: string, code: FileProblemCode, message: string): FileProblem {
  return { file, line: 1, column: 1, message, code };
}

/** A file operation failed; what Node says of it has the path, and is not for people. */
export function operationProblem(file: string, error: unknown): FileProblem {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [code, message] = OPERATION_FAILURES[errno] ?? ['unreadable', `cannot be read (${errno || String(error)})`];
  return wholeFileProblem(file, code, message);
}

const OPERATION_FAILURES: Readonly<Record<string, readonly [FileProblemCode, string]>> = {
  EACCES: ['forbidden', 'permission denied'],
  EISDIR: ['unreadable', 'is a directory'],
  EPERM: ['forbidden', 'operation not permitted'],
  ELOOP: ['missing', 'the link leads to itself'],
  ENOENT: ['missing', 'no such file or directory'],
  ENOTDIR: ['missing', 'no such file or directory'],
};

/** By file, then place. */
export function compareProblems(a: FileProblem, b: FileProblem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

/** Two lines: where, and what. */
export function formatFileProblem({ file, line, column, object, path, message }: FileProblem): string {
  const place = `${file}:${line}:${column}`;
  const head = object === undefined ? place : `${place} ${object}`;
  return `${head}\n  ${path === undefined || path === '' ? message : `${path}: ${message}`}`;
}
