// References to CA certificates, of whichever object: each may fail by itself, and the others are trusted all the same.
import type { FactReader } from './facts.ts';
import { caKindNotSupported, caNotPermitted, invalidCaCertificateRef } from './ca-certificate-condition.ts';
import { objectKey, targetKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import { kindName } from './quote.ts';
import { isReferenceGranted, type Referrer } from './reference-grant.ts';

export interface CaCertificateRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface ResolvedCaCertificates {
  /** Undefined where no reference leads to one, or none is made. */
  readonly caPem: string | undefined;
  readonly problems: readonly Problem[];
}

/** The object that refers, as messages and grants name it. */
export interface CaReferrer extends Referrer {
  /** Of the list of references. */
  readonly field: string;
  /** The reason for a kind that can't be used. */
  readonly invalidKind: string;
}

const CERTIFICATES_GROUP = 'certificates.k8s.io';
const CA_KINDS: ReadonlySet<string> = new Set(['ConfigMap', 'Secret']);

export function resolveCaCertificateRefs(
  reader: FactReader,
  refs: readonly CaCertificateRef[],
  referrer: CaReferrer,
): ResolvedCaCertificates {
  const pems: string[] = [];
  const problems: Problem[] = [];
  for (const [index, ref] of refs.entries()) {
    const found = resolveRef(reader, ref, referrer, `${referrer.field}[${index}]`);
    if (typeof found === 'string') pems.push(found);
    else problems.push(found);
  }
  return { caPem: pems.length === 0 ? undefined : pems.join(''), problems };
}

function resolveRef(reader: FactReader, ref: CaCertificateRef, referrer: CaReferrer, field: string): string | Problem {
  const { group, kind, name } = ref;
  if (group === CERTIFICATES_GROUP && kind === 'ClusterTrustBundle') return resolveBundle(reader, ref, field);
  if (group !== '' || !CA_KINDS.has(kind)) return caKindNotSupported(referrer.invalidKind, field, kindName(ref));
  const namespace = ref.namespace ?? referrer.namespace;
  if (!isReferenceGranted(reader, referrer, { group, kind, namespace, name }))
    return caNotPermitted(field, `${kind} ${objectKey(namespace, name)}`, referrer);
  const { pem, defect } = reader.get('caCertificates', targetKey(kind, namespace, name));
  return pem ?? invalidCaCertificateRef(field, `${kind} ${objectKey(ref.namespace, name)}`, defect);
}

/** It belongs to the cluster: there is no namespace, and nobody to grant anything. */
function resolveBundle(
  reader: FactReader,
  { kind, namespace, name }: CaCertificateRef,
  field: string,
): string | Problem {
  const label = `${kind} ${name}`;
  if (namespace !== undefined) return invalidCaCertificateRef(field, label, 'has no namespace');
  const { pem, defect } = reader.get('caCertificates', targetKey(kind, undefined, name));
  return pem ?? invalidCaCertificateRef(field, label, defect);
}
