// Which bytes may stand where in an HTTP/1.1 message (RFC 9110 section 5.6.2, RFC 9112). Tables, as they are asked per byte.

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const TAB = 0x09;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

export const TOKEN_UPPER = 2;
export const TOKEN_UNDERSCORE = 4;

/** For a token: 0 not allowed, 1 allowed, TOKEN_UPPER for an upper-case letter, TOKEN_UNDERSCORE for `_`. */
export const TOKEN: Uint8Array = tokenTable();

/** 1 for what a field value may hold: TAB, blank, visible ASCII and obs-text. */
export const FIELD_VALUE: Uint8Array = table((byte) => byte === TAB || (byte >= SP && byte !== 0x7f));

/** 1 for what a request target may hold: visible ASCII without `#`, which never goes on the wire. */
export const TARGET: Uint8Array = table((byte) => byte > SP && byte < 0x7f && byte !== 0x23);

/** 1 for what a method may hold: upper-case letters, digits, `-` and `_`. */
export const METHOD: Uint8Array = table((byte) => /[A-Z0-9_-]/.test(String.fromCharCode(byte)));

export const NOT_HEX = 255;

/** The value of a hexadecimal digit, or NOT_HEX. */
export const HEX: Uint8Array = hexTable();

function table(allows: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (allows(byte) ? 1 : 0));
}

function tokenTable(): Uint8Array {
  const tokens = table((byte) => byte < 0x80 && /[!#$%&'*+.^`|~0-9a-z-]/.test(String.fromCharCode(byte)));
  for (let byte = 0x41; byte <= 0x5a; byte++) tokens[byte] = TOKEN_UPPER;
  tokens[0x5f] = TOKEN_UNDERSCORE;
  return tokens;
}

function hexTable(): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
    return digit === -1 ? NOT_HEX : digit;
  });
}
