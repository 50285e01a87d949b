// Regular expressions written by users, matched against text written by strangers: full match, in time linear in the text.
// Invariant: what is returned means the same in RE2, and no text makes it backtrack for long.
import v8 from 'node:v8';

/** Why an expression is refused, for the route's status. */
export interface RegExpProblem {
  readonly problem: string;
}

/** Case differs for ASCII letters only: request text is bytes. */
const IGNORE_CASE = '(?i)';

/** A class, the start of a special group, an escape, or any other character. */
const TOKEN = /\[\^?(?:\\.|[^\\\]])*\]|\(\?(?::|P?<\w+>)?|\\x[0-9A-Fa-f]{2}|\\.|./gs;
const CLASS = /^\[(?<caret>\^?)(?<items>.*)\]$/s;
/** A character or a range inside a class. */
const CLASS_ITEM = /(?<first>\\x[0-9A-Fa-f]{2}|\\.|.)(?:-(?<last>\\x[0-9A-Fa-f]{2}|\\.|.))?/gs;
const POSIX_CLASS = /\[:\^?\w+:$/;
const SET_ESCAPE = /^\\[dDwWsS]$/;
/** Letters and digits after `\` that JavaScript and RE2 read alike. JavaScript takes others (`\A`, `\pL`) for the bare letter. */
const SHARED_ESCAPE = /^\\(?:[^A-Za-z0-9]|[dDwWsSnrtfv]|x[0-9A-Fa-f]{2})$/s;
const BOUNDARY_ESCAPE = /^\\[bB]$/;

/**
 * Switches on the V8 features that this file stands on, for the whole process. Called once, at start-up and before the first compile.
 * The first gives the `l` flag, which accepts only what runs in linear time; the second lets ordinary expressions, which are ten
 * times as fast, change over to that engine when they backtrack too much.
 */
export function enableLinearRegExp(): void {
  v8.setFlagsFromString('--enable-experimental-regexp-engine');
  v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}

/** Refuses everything while the linear engine is off. Syntax: RE2's, as far as V8 offers it; `(?i)` at the start. */
export function compileLinearRegExp(source: string): RegExp | RegExpProblem {
  if (!isSyntaxAccepted('', 'l')) return { problem: 'the linear-time regular expression engine is not enabled' };
  const ignoreCase = source.startsWith(IGNORE_CASE);
  const translated = translate(ignoreCase ? source.slice(IGNORE_CASE.length) : source, ignoreCase);
  if (typeof translated !== 'string') return translated;
  if (!isSyntaxAccepted(translated, '')) return { problem: 'the regular expression is not well-formed' };
  if (!isSyntaxAccepted(translated, 'l')) {
    return {
      problem: 'the regular expression does not run in linear time: counts above 16 (nested ones multiply) are refused',
    };
  }
  return new RegExp(`^(?:${translated})$`);
}

function isSyntaxAccepted(source: string, flags: string): boolean {
  try {
    RegExp(source, flags);
    return true;
  } catch {
    return false;
  }
}

/** RE2's spelling into JavaScript's. V8's linear engine has no `i` flag: both cases of each letter are written out. */
function translate(source: string, ignoreCase: boolean): string | RegExpProblem {
  let translated = '';
  for (const token of source.match(TOKEN) ?? []) {
    if (token.length > 1 && token.startsWith('[')) {
      const problem = classProblem(token);
      if (problem !== undefined) return { problem };
      translated += ignoreCase ? classOfBothCases(token) : token;
    } else if (token.startsWith('(?')) {
      if (token === '(?') return { problem: 'only (?:…), (?<name>…) and (?i) at the start may follow (?' };
      translated += '(?:';
    } else if (token.length > 1 && !SHARED_ESCAPE.test(token) && !BOUNDARY_ESCAPE.test(token)) {
      return { problem: `the escape ${token} is not supported` };
    } else {
      translated += ignoreCase ? bothCases(token) : token;
    }
  }
  return translated;
}

function classProblem(token: string): string | undefined {
  const items = token.match(CLASS)?.groups?.['items'] ?? '';
  if (items === '') return 'a ] at the start of a class must be written \\]';
  if (POSIX_CLASS.test(items)) return 'classes such as [:alpha:] are not supported';
  for (const { groups } of items.matchAll(CLASS_ITEM)) {
    const { first = '', last } = groups ?? {};
    for (const character of last === undefined ? [first] : [first, last]) {
      if (character.length > 1 && !SHARED_ESCAPE.test(character))
        return `the escape ${character} is not supported in a class`;
      if (last !== undefined && SET_ESCAPE.test(character)) return `${character} can't be the end of a range`;
    }
  }
  return undefined;
}

function bothCases(token: string): string {
  const ranges = otherCase(token, token);
  return ranges === '' ? token : `[${token}${ranges}]`;
}

function classOfBothCases(token: string): string {
  const { caret = '', items = '' } = token.match(CLASS)?.groups ?? {};
  let extended = items;
  for (const { groups } of items.matchAll(CLASS_ITEM)) {
    const { first = '', last = first } = groups ?? {};
    // In front, where a `-` that ends the class stays the last.
    extended = otherCase(first, last) + extended;
  }
  return `[${caret}${extended}]`;
}

/** The letters between two characters in their other case, as ranges for a class. */
function otherCase(first: string, last: string): string {
  const from = codeOf(first);
  const to = codeOf(last);
  return shiftedRange(from, to, 'a', 'z', -0x20) + shiftedRange(from, to, 'A', 'Z', 0x20);
}

function shiftedRange(from: number, to: number, lowest: string, highest: string, shift: number): string {
  const start = Math.max(from, lowest.charCodeAt(0));
  const end = Math.min(to, highest.charCodeAt(0));
  return start <= end ? `${String.fromCharCode(start + shift)}-${String.fromCharCode(end + shift)}` : '';
}

/** The code of a plain or escaped character; 0 for a control character, a set and a boundary: none is or starts at a letter. */
function codeOf(character: string): number {
  if (character.startsWith('\\x') && character.length > 2) return Number.parseInt(character.slice(2), 16);
  if (!character.startsWith('\\')) return character.charCodeAt(0);
  return /[A-Za-z0-9]/.test(character.charAt(1)) ? 0 : character.charCodeAt(1);
}
