// A field of a kubeconfig that knows where it is written, so that each complaint about it names file, line, column and path.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseYaml, YamlError } from '../lib/yaml-document.ts';
import type { YamlDocument } from '../lib/yaml-document.ts';
import { isRecord } from './api-error.ts';

/** Its message starts with the place: `FILE:LINE:COLUMN`. */
export class KubeconfigError extends Error {
  override readonly name: string = 'KubeconfigError';
}

type Path = readonly (string | number)[];

export class KubeconfigField {
  readonly #file: string;
  readonly #document: YamlDocument;
  readonly #path: Path;
  readonly #value: unknown;

  private constructor(file: string, document: YamlDocument, path: Path, value: unknown) {
    this.#file = file;
    this.#document = document;
    this.#path = path;
    // What tools write for a field that is not set.
    this.#value = value === null || value === '' ? undefined : value;
  }

  /** The whole of a file. @throws KubeconfigError */
  static read(file: string): KubeconfigField {
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new KubeconfigError(
        `${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      );
    }
    try {
      const [document, second] = [...parseYaml(text)];
      if (document === undefined) throw new KubeconfigError(`${file}: is empty`);
      if (second !== undefined) throw new KubeconfigError(`${file}: holds more than one YAML document`);
      return new KubeconfigField(file, document, [], document.value).#expectRecord();
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      throw new KubeconfigError(`${file}:${error.position.line}:${error.position.column}: ${error.message}`);
    }
  }

  get file(): string {
    return this.#file;
  }

  get isSet(): boolean {
    return this.#value !== undefined;
  }

  child(key: string): KubeconfigField {
    const value = this.#expectRecord().#value;
    return this.#at(key, isRecord(value) ? value[key] : undefined);
  }

  items(): readonly KubeconfigField[] {
    if (!this.isSet) return [];
    if (!Array.isArray(this.#value)) this.fail('is not a list');
    return this.#value.map((item: unknown, index) => this.#at(index, item));
  }

  text(): string | undefined {
    if (this.isSet && typeof this.#value !== 'string') this.fail('is not a text; put it in quotes');
    return this.#value as string | undefined;
  }

  requiredText(): string {
    return this.text() ?? this.fail('is missing');
  }

  flag(): boolean {
    if (this.isSet && typeof this.#value !== 'boolean') this.fail('is not true or false');
    return this.#value === true;
  }

  /** What base64 stands for. */
  decoded(): string | undefined {
    const text = this.text()?.replace(/\s/g, '');
    if (text === undefined) return undefined;
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) this.fail('is not base64');
    return Buffer.from(text, 'base64').toString('utf8');
  }

  /** A path, relative to the file. */
  path(): string | undefined {
    const text = this.text();
    return text === undefined ? undefined : resolve(dirname(this.#file), text);
  }

  refuse(why: string): void {
    if (this.isSet) this.fail(why);
  }

  fail(message: string): never {
    const { line, column } = this.#document.locate(this.#path);
    throw new KubeconfigError(`${this.#file}:${line}:${column}: ${formatPath(this.#path)}${message}`);
  }

  #at(key: string | number, value: unknown): KubeconfigField {
    return new KubeconfigField(this.#file, this.#document, [...this.#path, key], value);
  }

  #expectRecord(): this {
    if (this.isSet && !isRecord(this.#value)) this.fail('is not a mapping of keys to values');
    return this;
  }
}

function formatPath(path: Path): string {
  const text = path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`));
  return path.length === 0 ? '' : `${text.join('')} `;
}
