// A text as a JSON string in plain ASCII: whatever a client sent, the line stays one line, is valid UTF-8 and does nothing to a
// terminal. JSON.parse gives the text back; bytes that came as latin1 text come back as latin1 text.

/** Longer texts, escapes counted as they are written, are cut: no client decides how long a line becomes. */
export const MAX_TEXT_LENGTH = 1_024;

const CUT_MARK = '...';

/** Anything but printable ASCII without `"` and `\`. */
const NEEDS_ESCAPE = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/;

/** What each of the first 256 UTF-16 units becomes; the others become \uXXXX. */
const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, code) => escapeOf(code));

/** The first MAX_TEXT_LENGTH characters, and a mark where some were cut. */
export function boundText(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : text.slice(0, MAX_TEXT_LENGTH) + CUT_MARK;
}

/** The text bounded, escaped and quoted. */
export function jsonText(text: string): string {
  const bounded = boundText(text);
  return NEEDS_ESCAPE.test(bounded) ? `"${escapeText(bounded)}"` : `"${bounded}"`;
}

function escapeText(text: string): string {
  let escaped = '';
  for (let i = 0; i < text.length; i++) {
    if (escaped.length >= MAX_TEXT_LENGTH) return escaped + CUT_MARK;
    const code = text.charCodeAt(i);
    escaped += ESCAPES[code] ?? unicodeEscape(code);
  }
  return escaped;
}

function escapeOf(code: number): string {
  const character = String.fromCharCode(code);
  if (!NEEDS_ESCAPE.test(character)) return character;
  return character === '"' || character === '\\' ? `\\${character}` : unicodeEscape(code);
}

function unicodeEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
