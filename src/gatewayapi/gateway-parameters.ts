// GatewayParameters (sluice.dev): what the parametersRef of a GatewayClass, or of a Gateway, leads to. Whatever is wrong with it makes
// the one that refers unacceptable, rather than be served in another way than was asked for.
import type { GatewayClass } from '../api/generated/gateway-class.ts';
import type { GatewayParametersSpec } from '../api/generated/gateway-parameters.ts';
import type { Gateway } from '../api/generated/gateway.ts';
import { SLUICE_GROUP } from '../api/kinds.ts';
import { addressesOfRange } from '../lib/ip-address.ts';
import type { FactReader } from './facts.ts';
import { invalidClassParameters } from './gateway-class-condition.ts';
import { invalidParameters } from './gateway-condition.ts';
import { objectKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import { kindName } from './quote.ts';

/** Of all entries of an addressPool together. */
const MAX_POOL_ADDRESSES = 1_024;

export type ResolvedParameters =
  | { readonly spec: GatewayParametersSpec; readonly problem?: never }
  | { readonly spec?: never; readonly problem: Problem };

export function resolveClassParameters(reader: FactReader, { spec }: GatewayClass): ResolvedParameters {
  const ref = spec.parametersRef;
  if (ref === undefined) return { spec: {} };
  const found = isParametersKind(ref)
    ? readParameters(reader, ref.namespace, ref.name)
    : { defect: notOfUse(kindName(ref)) };
  return 'defect' in found ? { problem: invalidClassParameters(found.defect) } : found;
}

export function resolveGatewayParameters(reader: FactReader, { metadata, spec }: Gateway): ResolvedParameters {
  const ref = spec.infrastructure?.parametersRef;
  if (ref === undefined) return { spec: {} };
  const found = isParametersKind(ref)
    ? readParameters(reader, metadata.namespace, ref.name)
    : { defect: notOfUse(kindName(ref)) };
  return 'defect' in found ? { problem: invalidParameters(found.defect) } : found;
}

/** What an addressPool gives out, or what is wrong with it. */
export function poolAddresses(ranges: readonly string[]): readonly string[] | { readonly defect: string } {
  const addresses: string[] = [];
  for (const [index, range] of ranges.entries()) {
    const found = addressesOfRange(range, MAX_POOL_ADDRESSES - addresses.length);
    if ('problem' in found) return { defect: `spec.addressPool[${index}] ${found.problem}` };
    addresses.push(...found);
  }
  return addresses;
}

function isParametersKind({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return group === SLUICE_GROUP && kind === 'GatewayParameters';
}

function notOfUse(kind: string): string {
  return `refers to a ${kind}, which Sluice has no use for; it can be GatewayParameters.${SLUICE_GROUP}`;
}

function readParameters(
  reader: FactReader,
  namespace: string | undefined,
  name: string,
): { readonly spec: GatewayParametersSpec } | { readonly defect: string } {
  if (namespace === undefined) return { defect: 'needs a namespace' };
  const key = objectKey(namespace, name);
  const parameters = reader.get('GatewayParameters', key);
  if (parameters === undefined) return { defect: `refers to GatewayParameters ${key}, which do not exist` };
  const { spec } = parameters;
  const pool = poolAddresses(spec.addressPool ?? []);
  return 'defect' in pool ? { defect: `refers to GatewayParameters ${key}, where ${pool.defect}` } : { spec };
}
