// ReferenceGrants: whether an object may refer to one in another namespace. Asked before whether the target exists, so that a
// status never tells what another namespace holds.
import type { FactReader } from './facts.ts';

export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

export interface Referent {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** One grant in the target's namespace must name both sides; grants add up. */
export function isReferenceGranted(reader: FactReader, from: Referrer, to: Referent): boolean {
  if (from.namespace === to.namespace) return true;
  const grants = reader.get('grantsInNamespace', to.namespace) ?? [];
  return grants.some(
    ({ spec }) =>
      spec.from.some(
        ({ group, kind, namespace }) => group === from.group && kind === from.kind && namespace === from.namespace,
      ) &&
      spec.to.some(
        ({ group, kind, name }) =>
          group === to.group && kind === to.kind && (name === undefined || name === '' || name === to.name),
      ),
  );
}
