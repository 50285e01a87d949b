// The parameters of a query, parsed when the first of them is asked for. Text is read as forms are: `+` is a blank, escapes are
// UTF-8; text that can't be read so stands for itself. Of a repeated parameter the first counts. All are read: what is not matched here
// would still be seen by the endpoint, and their number is bounded by the length of a target.

export class QueryParameters {
  readonly #query: string | undefined;
  #values: Map<string, string> | undefined;

  constructor(query: string | undefined) {
    this.#query = query;
  }

  get(name: string): string | undefined {
    this.#values ??= parse(this.#query ?? '');
    return this.#values.get(name);
  }
}

function parse(query: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const parameter of query.split('&')) {
    if (parameter === '') continue;
    const equals = parameter.indexOf('=');
    const name = decode(equals === -1 ? parameter : parameter.slice(0, equals));
    if (!values.has(name)) values.set(name, equals === -1 ? '' : decode(parameter.slice(equals + 1)));
  }
  return values;
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return text;
  }
}
