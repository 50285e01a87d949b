// The objects that carry a status, as the API server has them: what a writer of statuses starts from. Beside that, tells which changes are
// none to anybody else: a status that was written, by us or by somebody, changes nothing of what an object asks for.
import type { KubernetesObject, ObjectMeta } from '../../api/object.ts';

export interface LiveObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & { readonly resourceVersion: string };
  readonly status: Readonly<Record<string, unknown>>;
}

export class LiveObjects {
  readonly #objects = new Map<string, LiveObject>();

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  get(key: string): LiveObject | undefined {
    return this.#objects.get(key);
  }

  /** Returns whether anything but the status is other than before. */
  put(object: LiveObject): boolean {
    const key = liveKey(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    return before === undefined || !asksTheSame(before, object);
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }
}

/** `kind/namespace/name`, cluster-scoped ones `kind/name`: as the translator names statuses. */
export function liveKey({
  kind,
  metadata: { namespace, name },
}: Pick<KubernetesObject, 'kind'> & { readonly metadata: Pick<ObjectMeta, 'namespace' | 'name'> }): string {
  return namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
}

/** The generation counts the changes of a spec, and of nothing else. A Gateway keeps the addresses that it has. */
function asksTheSame(
  { metadata: before, status: was }: LiveObject,
  { metadata: after, status: is }: LiveObject,
): boolean {
  const rest = [before.labels, before.annotations, was['addresses']];
  return (
    before.generation !== undefined &&
    before.generation === after.generation &&
    before.uid === after.uid &&
    before.deletionTimestamp === after.deletionTimestamp &&
    JSON.stringify(rest) === JSON.stringify([after.labels, after.annotations, is['addresses']])
  );
}
