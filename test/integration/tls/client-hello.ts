// A ClientHello made by hand (RFC 8446 section 4.1.2, as a TLS 1.2 client sends it), for server names that no TLS library would send.
import { randomBytes } from 'node:crypto';

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const TLS_1_0 = 0x0301;
const TLS_1_2 = 0x0303;

const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;

/** ECDHE-ECDSA and -RSA with AES-GCM; P-256 and X25519; ECDSA and RSA-PSS with SHA-256. */
const CIPHERS = [0xc02b, 0xc02f, 0xc02c, 0xc030];
const GROUPS = [0x0017, 0x001d];
const SIGNATURES = [0x0403, 0x0804];

/** The handshake message, without a record around it. */
export function clientHello(serverName: string | Buffer): Buffer {
  const name = Buffer.from(serverName);
  const extensions = Buffer.concat([
    extension(SERVER_NAME, withLength(2, Buffer.concat([Buffer.of(0), withLength(2, name)]))),
    extension(SUPPORTED_GROUPS, withLength(2, shorts(GROUPS))),
    extension(SIGNATURE_ALGORITHMS, withLength(2, shorts(SIGNATURES))),
  ]);
  const body = Buffer.concat([
    shorts([TLS_1_2]),
    randomBytes(32),
    withLength(1, Buffer.alloc(0)),
    withLength(2, shorts(CIPHERS)),
    withLength(1, Buffer.of(0)),
    withLength(2, extensions),
  ]);
  return Buffer.concat([Buffer.of(CLIENT_HELLO), withLength(3, body)]);
}

/** Cut into records of so many bytes. */
export function records(message: Buffer, size = 16_384): Buffer {
  const cut: Buffer[] = [];
  for (let start = 0; start < message.length; start += size) {
    const part = message.subarray(start, start + size);
    cut.push(Buffer.of(HANDSHAKE_RECORD), shorts([TLS_1_0]), withLength(2, part));
  }
  return Buffer.concat(cut);
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([shorts([type]), withLength(2, data)]);
}

function shorts(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

function withLength(lengthBytes: number, data: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(data.length, 0, lengthBytes);
  return Buffer.concat([length, data]);
}
