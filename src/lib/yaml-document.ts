// Reads YAML and JSON into plain values that remember where each field was written. Stricter than YAML: keys are strings and occur
// once, values are those of JSON. What a text can cost is bounded: aliases and merges count with what they stand for.
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from 'yaml';
import type { Alias, CST, Pair, ParsedNode, YAMLMap } from 'yaml';

/** Counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  readonly value: unknown;
  /** Where a field stands: its key, an item of a list; for a field that is absent, what it would belong to. */
  locate(path: readonly (string | number)[]): Position;
}

export type YamlErrorCode = 'syntax' | 'duplicate-key' | 'too-complex';

export class YamlError extends Error {
  readonly code: YamlErrorCode;
  readonly position: Position;

  constructor(code: YamlErrorCode, message: string, position: Position) {
    super(message);
    this.code = code;
    this.position = position;
  }
}

/** Values in a text, with those that aliases repeat. */
export const MAX_VALUES = 1_000_000;
/** Tokens of one document: punctuation, texts and the spaces between them. Each costs up to a kilobyte until the document is read. */
export const MAX_DOCUMENT_TOKENS = 500_000;
export const MAX_DEPTH = 100;
const MAX_SHOWN_CHARACTERS = 60;

/**
 * The documents of a text, without empty ones, each when it has been read.
 * @throws YamlError at the first thing that is wrong; what came before it counts only if the caller says so.
 */
export function* parseYaml(text: string): Generator<YamlDocument, void, undefined> {
  const lines = new LineCounter();
  const positionAt: PositionAt = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const composer = new Composer({
    lineCounter: lines,
    schema: 'core',
    stringKeys: true,
    // Quadratic there; PlainReader finds duplicates by itself.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const budget: Budget = { values: MAX_VALUES };
  for (const document of composer.compose(tokensOf(text, lines, positionAt))) {
    const [error] = document.errors;
    if (error !== undefined) throw new YamlError(...describeError(error.code, error.message), positionAt(error.pos[0]));
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) continue;
    const reader = new PlainReader(positionAt, budget);
    const value = reader.read(contents, 0);
    yield { value, locate: (path) => positionAt(reader.offsetOf(contents, path)) };
  }
}

/** The syntax tree of each document, as soon as its end has been seen. */
function* tokensOf(text: string, lines: LineCounter, positionAt: PositionAt): Generator<CST.Token, void, undefined> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++count > MAX_DOCUMENT_TOKENS) {
      const position = { line: lines.lineStarts.length, column: 1 };
      throw new YamlError(
        'too-complex',
        `a document has more than ${MAX_DOCUMENT_TOKENS} tokens; split it up`,
        position,
      );
    }
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') throw new YamlError('syntax', token.message, positionAt(token.offset));
      if (token.type === 'document') count = 0;
      yield token;
    }
  }
  yield* parser.end();
}

/** The parser's message without the piece of text that some quote: it could be of a secret. */
function describeError(code: string, message: string): [YamlErrorCode, string] {
  if (code === 'RESOURCE_EXHAUSTION') return ['too-complex', 'is nested too deeply'];
  if (code === 'NON_STRING_KEY') return ['syntax', 'a key must be a string; if this is a template, render it first'];
  return ['syntax', code === 'UNEXPECTED_TOKEN' ? message.replace(/: .*/s, '') : message];
}

type PositionAt = (offset: number) => Position;

/** How many more values may come. */
interface Budget {
  values: number;
}

interface Anchor {
  readonly node: ParsedNode;
  readonly value: unknown;
  /** How many values it stands for. */
  readonly size: number;
}

/** Turns the nodes of one document into plain values; aliases share the value of their anchor. */
class PlainReader {
  readonly #positionAt: PositionAt;
  readonly #budget: Budget;
  readonly #anchors = new Map<string, Anchor>();
  readonly #targets = new Map<Alias, Anchor>();

  constructor(positionAt: PositionAt, budget: Budget) {
    this.#positionAt = positionAt;
    this.#budget = budget;
  }

  read(node: ParsedNode | null, depth: number): unknown {
    if (node === null) return null;
    const valuesBefore = this.#budget.values;
    this.#spend(1, node);
    if (depth > MAX_DEPTH) throw this.#error('too-complex', `is nested more than ${MAX_DEPTH} levels deep`, node);
    if (isAlias(node)) return this.#readAlias(node).value;
    const value = this.#readContent(node, depth);
    // Registered only now, so that no alias can stand for what contains it.
    if (node.anchor !== undefined)
      this.#anchors.set(node.anchor, { node, value, size: valuesBefore - this.#budget.values });
    return value;
  }

  /** The offset of the last part of the path that exists. */
  offsetOf(contents: ParsedNode, path: readonly (string | number)[]): number {
    let node: ParsedNode | null = contents;
    let offset = contents.range[0];
    for (const segment of path) {
      node = this.#resolve(node);
      if (isMap(node)) {
        const pair = this.#pairOf(node, String(segment));
        if (pair === undefined) return offset;
        offset = pair.key.range[0];
        node = pair.value;
      } else if (isSeq(node) && typeof segment === 'number') {
        const item = node.items[segment];
        if (item === undefined) return offset;
        offset = item.range[0];
        node = item;
      } else {
        return offset;
      }
    }
    return offset;
  }

  #readContent(node: Exclude<ParsedNode, Alias.Parsed>, depth: number): unknown {
    if (isMap(node)) return this.#readMap(node, depth);
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1));
    const value: unknown = isScalar(node) ? node.value : undefined;
    const isPlain =
      typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' || typeof value === 'boolean';
    if (!isPlain && value !== null) throw this.#error('syntax', 'is not a value that JSON has', node);
    return value;
  }

  #readMap(map: YAMLMap.Parsed, depth: number): unknown {
    const fields: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const { key: keyNode, value: valueNode } of map.items) {
      const key = this.read(keyNode, depth + 1);
      const node = keyNode ?? map;
      if (typeof key !== 'string') throw this.#error('syntax', 'a key must be a string', node);
      if (key === '__proto__') throw this.#error('syntax', '__proto__ cannot be a key', node);
      if (seen.has(key)) throw this.#error('duplicate-key', `the key ${show(key)} occurs twice in a mapping`, node);
      seen.add(key);
      const value = this.read(valueNode, depth + 1);
      if (isMergeKey(keyNode)) this.#merge(fields, value, node);
      else fields[key] = value;
    }
    return fields;
  }

  /** Takes over the fields of one mapping, or of several of which the first counts most, where there are none yet. */
  #merge(fields: Record<string, unknown>, source: unknown, node: ParsedNode): void {
    for (const item of Array.isArray(source) ? (source as unknown[]) : [source]) {
      if (typeof item !== 'object' || item === null || Array.isArray(item)) {
        throw this.#error('syntax', 'only mappings can be merged', node);
      }
      for (const [key, value] of Object.entries(item)) {
        if (!Object.hasOwn(fields, key)) fields[key] = value;
      }
    }
  }

  #readAlias(alias: Alias): Anchor {
    const anchor = this.#anchors.get(alias.source);
    if (anchor === undefined) throw this.#error('syntax', `no anchor ${show(alias.source)} before this alias`, alias);
    this.#targets.set(alias, anchor);
    this.#spend(anchor.size, alias);
    return anchor;
  }

  #pairOf(map: YAMLMap.Parsed, key: string): Pair<ParsedNode, ParsedNode | null> | undefined {
    const own = map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
    if (own !== undefined) return own;
    for (const { key: mergeKey, value } of map.items) {
      if (!isMergeKey(mergeKey)) continue;
      for (const source of isSeq(value) ? value.items : [value]) {
        const node = this.#resolve(source);
        const pair = isMap(node) ? this.#pairOf(node, key) : undefined;
        if (pair !== undefined) return pair;
      }
    }
    return undefined;
  }

  #resolve(node: ParsedNode | null): ParsedNode | null {
    return isAlias(node) ? (this.#targets.get(node)?.node ?? null) : node;
  }

  #spend(values: number, node: ParsedNode | Alias): void {
    this.#budget.values -= values;
    if (this.#budget.values >= 0) return;
    throw this.#error('too-complex', `holds more than ${MAX_VALUES} values, with what aliases repeat`, node);
  }

  #error(code: YamlErrorCode, message: string, node: ParsedNode | Alias): YamlError {
    return new YamlError(code, message, this.#positionAt(node.range?.[0] ?? 0));
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

function show(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS)}…` : name);
}
