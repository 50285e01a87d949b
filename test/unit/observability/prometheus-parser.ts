// A small parser of the Prometheus text format 0.0.4, written from its description and sharing nothing with the product.

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly ParsedSample[];
}

/** @throws when the text is not well-formed, or samples stand under another family's TYPE. */
export function parsePrometheusText(text: string): Map<string, ParsedFamily> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no newline');
  const families = new Map<string, { help: string; type: string; samples: ParsedSample[] }>();
  let current: { name: string; help: string; type: string; samples: ParsedSample[] } | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    if (help) {
      const [, name = '', helpText = ''] = help;
      if (families.has(name)) throw new Error(`${name} appears twice`);
      current = { name, help: unescape(helpText), type: '', samples: [] };
      families.set(name, current);
    } else if (type) {
      if (current === undefined || current.name !== type[1]) throw new Error(`TYPE without HELP: ${line}`);
      current.type = type[2] ?? '';
    } else {
      const sample = parseSample(line);
      const base = current?.type === 'histogram' ? sample.name.replace(/_(?:bucket|sum|count)$/, '') : sample.name;
      if (current === undefined || current.name !== base) throw new Error(`not in its family: ${line}`);
      current.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): ParsedSample {
  let at = 0;
  const take = (pattern: RegExp): string => {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = at;
    const match = sticky.exec(line);
    if (match === null) throw new Error(`column ${at}: ${line}`);
    at = sticky.lastIndex;
    return match[1] ?? match[0];
  };
  const name = take(/[a-zA-Z_:][a-zA-Z0-9_:]*/);
  const labels: Record<string, string> = {};
  if (line[at] === '{') {
    do {
      at += 1;
      const label = take(/([a-zA-Z_][a-zA-Z0-9_]*)=/);
      if (label in labels) throw new Error(`label ${label} twice: ${line}`);
      labels[label] = unescape(take(/"((?:[^"\\\n]|\\["\\n])*)"/));
    } while (line[at] === ',');
    take(/\}/);
  }
  const value = take(/ (\+Inf|-Inf|NaN|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)/);
  if (at !== line.length) throw new Error(`text after the value: ${line}`);
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
