// Pieces of the Prometheus text format 0.0.4.

/** `name="value",…` in the order of `names`. */
export function labelsText(values: Readonly<Record<string, string>>, names: readonly string[]): string {
  return names.map((name) => `${name}="${escapeLabelValue(values[name] ?? '')}"`).join(',');
}

/** Two label texts, either of which can be empty, as one. */
export function joinLabels(a: string, b: string): string {
  return a === '' ? b : `${a},${b}`;
}

export function sampleText(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`;
}

export function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabelValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
