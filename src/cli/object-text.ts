// Objects and how many there are of them, as people write it.

export interface ObjectName {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** `HTTPRoute shop/cart` */
export function objectText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

/** `2 Backend, 1 Gateway` */
export function countsText(counts: Readonly<Record<string, number>>): string {
  const kinds = Object.keys(counts).toSorted();
  return kinds.length === 0 ? 'no objects' : kinds.map((kind) => `${counts[kind]} ${kind}`).join(', ');
}

/** `1 problem`, `2 problems` */
export function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** For commands whose result leaves out what has problems. */
export function problemsNote(count: number): string {
  return `${plural(count, 'problem')} in the manifests; sluice validate shows them`;
}
