// Reads source files for the architecture rules: what a file imports, and its code without comments and literals.
// A scanner, not a parser: TypeScript 7 has no compiler API, and these rules need no more than this.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the insides of strings, templates and regular expressions blanked: same length, same lines. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** Any way to name another module: import, export from, import(), new URL(…, import.meta.url). */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** From the repository's root, where the specifier is relative. */
  readonly path: string | undefined;
}

export interface Statement {
  readonly code: string;
  readonly line: number;
}

const COMMENT = /\/\/.*|\/\*[^]*?\*\//y;
const STRING = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;
const REGULAR_EXPRESSION = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After one of these a slash divides, unless it is a keyword. */
const OPERAND_END = /(?:([\w$]+)|[)\]}'"`])\s*$/;
const OPERATOR_WORDS = new Set(['return', 'typeof', 'case', 'in', 'of', 'delete', 'void', 'throw', 'else', 'await']);

const IMPORT_FORMS = [
  /\b(?:import|export)\b[^;'"`()]*?\bfrom\s*(?=['"])/g,
  /\bimport\s*(?=['"])/g,
  /\bimport\s*\(\s*(?=['"])/g,
  /\bnew URL\(\s*(?=['"][^'"]*['"]\s*,\s*import\.meta\.url\b)/g,
];

const BLOCK_DECLARATION =
  /^(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function|class|interface)\b/;

export function readSources(root: string, folders: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = posix.join(folder, name.replaceAll('\\', '/'));
      if (/\.[jt]s$/.test(path)) files.push(parseSource(path, readFileSync(join(root, path), 'utf8')));
    }
  }
  return files;
}

export function parseSource(path: string, text: string): SourceFile {
  const code = blankLiterals(text);
  return { path, text, code, imports: findImports(path, text, code) };
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < index; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** The statements of a module, in order. Wants what the formatter gives: semicolons, and a new line after a block. */
export function topLevelStatements(code: string): Statement[] {
  const statements: Statement[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < code.length; i++) {
    const c = code[i];
    if (c === '{' || c === '(' || c === '[') depth++;
    else if (c === '}' || c === ')' || c === ']') depth--;
    if (depth !== 0) continue;
    if (c === ';' || (c === '}' && (code[i + 1] ?? '\n') === '\n' && endsWithBlock(code.slice(start, i).trimStart()))) {
      const leading = code.slice(start, i + 1);
      const offset = leading.length - leading.trimStart().length;
      statements.push({ code: leading.trim(), line: lineAt(code, start + offset + 1) });
      start = i + 1;
    }
  }
  return statements;
}

/** What of a statement runs when the module is loaded: the code without the bodies of functions and methods. */
export function withoutFunctionBodies(code: string): string {
  let kept = '';
  for (let i = 0; i < code.length; i++) {
    if (code[i] === '{' && /(?:\)|\)\s*:[^={}]*|=>)\s*$/.test(kept)) {
      i = closingBracket(code, i);
      kept += '{}';
    } else if (code.startsWith('=>', i) && !/^=>\s*\{/.test(code.slice(i))) {
      i = expressionEnd(code, i + 2) - 1;
      kept += '=> _';
    } else {
      kept += code[i];
    }
  }
  return kept;
}

function endsWithBlock(statement: string): boolean {
  return BLOCK_DECLARATION.test(statement) || /^(?:if|for|while|do|try|switch|\{)/.test(statement);
}

function closingBracket(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if ('{(['.includes(code[i] as string)) depth++;
    else if ('})]'.includes(code[i] as string) && --depth === 0) return i;
  }
  return code.length;
}

function expressionEnd(code: string, start: number): number {
  for (let i = start; i < code.length; i++) {
    if ('{(['.includes(code[i] as string)) i = closingBracket(code, i);
    else if ('})],;'.includes(code[i] as string)) return i;
  }
  return code.length;
}

function blankLiterals(text: string): string {
  let code = '';
  let depth = 0;
  const templateDepths: number[] = [];
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = code.length;
    return pattern.exec(text)?.[0];
  };
  const keepEnds = (literal: string, endLength: number): string =>
    literal[0] + blank(literal.slice(1, -endLength)) + literal.slice(-endLength);
  const takeTemplate = (): void => {
    code += text[code.length];
    const chunk = match(TEMPLATE_TEXT) ?? text.slice(code.length);
    const endLength = chunk.endsWith('${') ? 2 : 1;
    if (endLength === 2) templateDepths.push(depth);
    code += blank(chunk.slice(0, -endLength)) + chunk.slice(-endLength);
  };

  while (code.length < text.length) {
    const c = text[code.length] as string;
    let literal: string | undefined;
    if (c === '/' && (literal = match(COMMENT)) !== undefined) code += blank(literal);
    else if ((c === "'" || c === '"') && (literal = match(STRING)) !== undefined) code += keepEnds(literal, 1);
    else if (c === '/' && mayStartOperand(code) && (literal = match(REGULAR_EXPRESSION)) !== undefined) {
      code += keepEnds(literal, literal.length - literal.lastIndexOf('/'));
    } else if (c === '`') takeTemplate();
    else if (c === '}' && templateDepths.at(-1) === depth) {
      templateDepths.pop();
      takeTemplate();
    } else {
      if (c === '{') depth++;
      if (c === '}') depth--;
      code += c;
    }
  }
  return code;
}

function mayStartOperand(code: string): boolean {
  const end = OPERAND_END.exec(code.slice(-80));
  return end === null || OPERATOR_WORDS.has(end[1] ?? '');
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}

function findImports(path: string, text: string, code: string): Import[] {
  const imports: Import[] = [];
  for (const form of IMPORT_FORMS) {
    for (const match of code.matchAll(form)) {
      const open = match.index + match[0].length;
      const specifier = text.slice(open + 1, code.indexOf(code[open] as string, open + 1));
      const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
      imports.push({ specifier, line: lineAt(text, open), path: target });
    }
  }
  return imports;
}
