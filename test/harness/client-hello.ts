// Writes ClientHellos, right ones and wrong ones: every part can be given as bytes. RFC 8446 section 4.1.2.

export interface HelloSpec {
  /** 0x0303 unless given. */
  readonly version?: number;
  readonly sessionId?: readonly number[];
  readonly ciphers?: readonly number[];
  readonly compression?: readonly number[];
  /** Type and data; absent: the message ends before its extensions. */
  readonly extensions?: readonly HelloExtension[];
}

export type HelloExtension = readonly [type: number, data: readonly number[]];

export const EXTENSION = {
  serverName: 0,
  supportedGroups: 10,
  alpn: 16,
  padding: 21,
  sessionTicket: 35,
  preSharedKey: 41,
  supportedVersions: 43,
  grease: 0x1a1a,
  encryptedClientHello: 0xfe0d,
} as const;

export const MAX_FRAGMENT_BYTES = 16_384;
const RECORD = [22, 3, 1];
const RANDOM = Array.from({ length: 32 }, (_, index) => index);

export function latin1(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

export function bigEndian(value: number, byteCount: number): number[] {
  const bytes: number[] = [];
  for (let shift = 8 * (byteCount - 1); shift >= 0; shift -= 8) bytes.push((value >> shift) & 0xff);
  return bytes;
}

/** The bytes with their length in front. */
export function vector(lengthBytes: number, content: readonly number[]): number[] {
  return [...bigEndian(content.length, lengthBytes), ...content];
}

export function serverName(...names: readonly string[]): HelloExtension {
  return serverNames(names.map((name) => [0, name]));
}

export function serverNames(names: readonly (readonly [type: number, name: string])[]): HelloExtension {
  const list = names.flatMap(([type, name]) => [type, ...vector(2, latin1(name))]);
  return [EXTENSION.serverName, vector(2, list)];
}

export function alpn(...protocols: readonly string[]): HelloExtension {
  const list = protocols.flatMap((protocol) => vector(1, latin1(protocol)));
  return [EXTENSION.alpn, vector(2, list)];
}

export function preSharedKey(
  identities: readonly (readonly number[])[],
  binders: readonly (readonly number[])[],
): HelloExtension {
  const list = identities.flatMap((identity) => [...vector(2, identity), 0, 0, 0, 0]);
  const binderList = binders.flatMap((binder) => vector(1, binder));
  return [EXTENSION.preSharedKey, [...vector(2, list), ...vector(2, binderList)]];
}

/** The handshake message with its header. */
export function helloMessage(spec: HelloSpec): number[] {
  const { version = 0x0303, sessionId = [], ciphers = [0x13, 0x01], compression = [0], extensions } = spec;
  const body = [...bigEndian(version, 2), ...RANDOM];
  body.push(...vector(1, sessionId), ...vector(2, ciphers), ...vector(1, compression));
  if (extensions !== undefined) {
    const list = extensions.flatMap(([type, data]) => [...bigEndian(type, 2), ...vector(2, data)]);
    body.push(...vector(2, list));
  }
  return [1, ...vector(3, body)];
}

/** Cut into records; their sizes are taken in turn, the last for all that is left. */
export function inRecords(message: readonly number[], sizes: readonly number[] = [MAX_FRAGMENT_BYTES]): Buffer {
  const bytes = Buffer.from(message);
  const parts: Buffer[] = [];
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const fragment = bytes.subarray(start, start + (sizes[index] ?? sizes.at(-1) ?? bytes.length));
    parts.push(Buffer.from([...RECORD, ...bigEndian(fragment.length, 2)]), fragment);
    start += fragment.length;
  }
  return Buffer.concat(parts);
}

export function hello(spec: HelloSpec, sizes?: readonly number[]): Buffer {
  return inRecords(helloMessage(spec), sizes);
}
