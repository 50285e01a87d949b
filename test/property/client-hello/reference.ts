// The reference reader of ClientHellos: takes the stream one byte at a time, so that it knows which byte decides, and the message
// apart by slicing arrays. It shares nothing with the product but the two bounds, which it is told.

export interface Bounds {
  readonly messageBytes: number;
  readonly records: number;
}

export interface Verdict {
  /** The answer, `malformed`, or `incomplete` where the stream ends too early. */
  readonly answer: ReferenceHello | 'malformed' | 'incomplete';
  /** How many bytes it took; more change nothing. */
  readonly decidedAt: number;
}

export interface ReferenceHello {
  readonly serverName: string | undefined;
  readonly alpnProtocols: readonly string[];
  readonly ticketKeyName: string | undefined;
}

type Extension = readonly [type: number, data: readonly number[]];

export function readHello(stream: Uint8Array, bounds: Bounds): Verdict {
  const message: number[] = [];
  let record: number[] = [];
  let records = 0;
  const missingOfRecord = (): number => (record.length < 5 ? 1 : 5 + number(record.slice(3, 5)) - record.length);
  for (const [index, byte] of stream.entries()) {
    const decided = (answer: Verdict['answer']): Verdict => ({ answer, decidedAt: index + 1 });
    record.push(byte);
    if (record.length > 5) message.push(byte);
    if (record.length === 1 && byte !== 0x16) return decided('malformed');
    if (record.length === 2 && byte !== 3) return decided('malformed');
    if (record.length === 5 && (missingOfRecord() < 1 || missingOfRecord() > 2 ** 14)) return decided('malformed');
    if (message.length === 1 && message[0] !== 1) return decided('malformed');
    if (record.length >= 5 && message.length >= 4) {
      const length = number(message.slice(1, 4));
      if (length > bounds.messageBytes || message.length + missingOfRecord() > 4 + length) return decided('malformed');
      if (message.length === 4 + length) return decided(readMessage(message.slice(4)) ?? 'malformed');
    }
    if (record.length > 5 && missingOfRecord() === 0) {
      record = [];
      if (++records === bounds.records) return decided('malformed');
    }
  }
  return { answer: 'incomplete', decidedAt: stream.length };
}

function readMessage(body: readonly number[]): ReferenceHello | undefined {
  if (body[0] !== 3) return undefined;
  const [sessionId, afterSessionId] = split(body.slice(34), 1) ?? [];
  if (afterSessionId === undefined || sessionId === undefined || sessionId.length > 32) return undefined;
  const [ciphers = [], afterCiphers = []] = split(afterSessionId, 2) ?? [];
  if (ciphers.length === 0 || ciphers.length % 2 === 1) return undefined;
  const [compression = [], tail = []] = split(afterCiphers, 1) ?? [];
  if (compression.length === 0) return undefined;
  const extensions = tail.length === 0 ? [] : readExtensions(tail);
  if (extensions === undefined) return undefined;

  const types = extensions.map(([type]) => type);
  if (new Set(types).size < types.length || (types.includes(41) && types.at(-1) !== 41)) return undefined;
  const dataOf = (type: number): readonly number[] | undefined => extensions.find(([found]) => found === type)?.[1];
  const [names, protocols, psk] = [dataOf(0), dataOf(16), dataOf(41)];
  const name = names === undefined ? '' : readName(names);
  const alpnProtocols = protocols === undefined ? [] : readProtocols(protocols);
  const identity = psk === undefined ? dataOf(35) : readFirstIdentity(psk);
  if (name === undefined || alpnProtocols === undefined || (psk !== undefined && identity === undefined))
    return undefined;
  const ticketKeyName =
    identity === undefined || identity.length < 16 ? undefined : Buffer.from(identity.slice(0, 16)).toString('hex');
  return { serverName: name === '' ? undefined : name, alpnProtocols, ticketKeyName };
}

function readExtensions(tail: readonly number[]): Extension[] | undefined {
  let list = whole(tail, 2);
  const extensions: Extension[] = [];
  while (list !== undefined && list.length > 0) {
    const [data, rest]: readonly (readonly number[] | undefined)[] = split(list.slice(2), 2) ?? [];
    if (data !== undefined) extensions.push([number(list.slice(0, 2)), data]);
    list = rest;
  }
  return list === undefined ? undefined : extensions;
}

/** Empty for an IP literal. */
function readName(data: readonly number[]): string | undefined {
  const list = whole(data, 2);
  if (list === undefined || list[0] !== 0) return undefined;
  const name = whole(list.slice(1), 2);
  if (name === undefined || name.length === 0) return undefined;
  const text = String.fromCharCode(...name);
  if (isIpv6(text.replace(/%[0-9a-zA-Z.:-]+$/, '')) || /^\[.*\]$/s.test(text)) {
    return isIpv6(text.replace(/^\[|\]$/g, '').replace(/%[0-9a-zA-Z.:-]+$/, text.startsWith('[') ? '%' : ''))
      ? ''
      : undefined;
  }
  const labels = text.split('.');
  if (labels.length > 1 && labels.at(-1) === '') labels.pop();
  const isGood = (label: string): boolean => label.length < 64 && /^[-0-9A-Z_a-z]+$/.test(label);
  if (!labels.every(isGood) || labels.join('.').length > 253) return undefined;
  const last = labels.at(-1) ?? '';
  if (!/^(?:\d+|0[xX][0-9a-fA-F]*)$/.test(last)) return labels.join('.').toLowerCase();
  const isAddress =
    labels.length === 4 && labels.every((label) => String(Number(label)) === label && Number(label) < 256);
  return isAddress ? '' : undefined;
}

function isIpv6(text: string): boolean {
  return /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

function readProtocols(data: readonly number[]): string[] | undefined {
  let list = whole(data, 2);
  if (list === undefined || list.length === 0) return undefined;
  const protocols: string[] = [];
  while (list !== undefined && list.length > 0) {
    const [protocol = [], rest]: readonly (readonly number[] | undefined)[] = split(list, 1) ?? [];
    if (protocol.length === 0) return undefined;
    protocols.push(String.fromCharCode(...protocol));
    list = rest;
  }
  return list === undefined ? undefined : protocols;
}

function readFirstIdentity(data: readonly number[]): readonly number[] | undefined {
  const [identityList, tail] = split(data, 2) ?? [];
  const binderList = tail === undefined ? undefined : whole(tail, 2);
  if (identityList === undefined || binderList === undefined) return undefined;
  const identities: (readonly number[])[] = [];
  for (let list = identityList; list.length > 0;) {
    const [identity = [], rest = []] = split(list, 2) ?? [];
    if (identity.length === 0 || rest.length < 4) return undefined;
    identities.push(identity);
    list = rest.slice(4);
  }
  let binders = 0;
  for (let list = binderList; list.length > 0; binders++) {
    const [binder = [], rest = []] = split(list, 1) ?? [];
    if (binder.length < 32) return undefined;
    list = rest;
  }
  return binders === identities.length ? identities[0] : undefined;
}

/** What a length says, and what follows it. */
function split(
  bytes: readonly number[],
  lengthBytes: number,
): readonly [readonly number[], readonly number[]] | undefined {
  const end = lengthBytes + number(bytes.slice(0, lengthBytes));
  if (bytes.length < lengthBytes || bytes.length < end) return undefined;
  return [bytes.slice(lengthBytes, end), bytes.slice(end)];
}

/** What a length says, where nothing follows it. */
function whole(bytes: readonly number[], lengthBytes: number): readonly number[] | undefined {
  const [content, rest] = split(bytes, lengthBytes) ?? [];
  return rest?.length === 0 ? content : undefined;
}

function number(bytes: readonly number[]): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
