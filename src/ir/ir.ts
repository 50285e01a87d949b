// The intermediate representation: keyed, immutable resources, the only thing that translator and data plane share.
// A worker holds the same resources as control when the hashes agree; deltas carry both.
import { createHash } from 'node:crypto';
import { SecretText } from '../lib/secret-text.ts';
import type { Certificate } from './certificate.ts';
import type { Cluster } from './cluster.ts';
import type { Listener } from './listener.ts';
import type { Route, StreamRoute } from './route.ts';

export type Resource = Listener | Route | StreamRoute | Cluster | Certificate;

export interface Ir {
  readonly resources: ReadonlyMap<string, Resource>;
  /** Of the content, independent of order: equal hashes mean equal resources. */
  readonly hash: string;
}

/** What turns the IR with `baseHash` into the IR with `hash`. */
export interface Delta {
  readonly baseHash: string;
  readonly hash: string;
  readonly put: readonly Resource[];
  readonly remove: readonly string[];
}

export class DeltaMismatchError extends Error {
  readonly code = 'IR_DELTA_MISMATCH';
}

const HASH_BYTES = 16;
const HASH_MODULUS = 1n << BigInt(HASH_BYTES * 8);

/** A resource's own hash, kept with the resource; resources are immutable. */
const resourceHashes = new WeakMap<Resource, bigint>();

export const EMPTY_IR: Ir = { resources: new Map(), hash: hashText(0n) };

export function createIr(resources: Iterable<Resource>): Ir {
  const byKey = new Map<string, Resource>();
  for (const resource of resources) byKey.set(resource.key, resource);
  let sum = 0n;
  for (const resource of byKey.values()) sum += resourceHash(resource);
  return { resources: byKey, hash: hashText(sum % HASH_MODULUS) };
}

/** Resources that are the same object are equal; others are compared by hash. */
export function diffIr(from: Ir, to: Ir): Delta {
  const put: Resource[] = [];
  const remove: string[] = [];
  for (const resource of to.resources.values()) {
    const old = from.resources.get(resource.key);
    if (old === resource) continue;
    if (old === undefined || resourceHash(old) !== resourceHash(resource)) put.push(resource);
  }
  for (const key of from.resources.keys()) {
    if (!to.resources.has(key)) remove.push(key);
  }
  return { baseHash: from.hash, hash: to.hash, put, remove };
}

/**
 * @throws DeltaMismatchError when the delta was made for another base, or does not lead to the hash it names; the caller
 * then asks for everything.
 */
export function applyDelta(ir: Ir, delta: Delta): Ir {
  if (delta.baseHash !== ir.hash) {
    throw new DeltaMismatchError(`the delta is for ${delta.baseHash}, this is ${ir.hash}`);
  }
  const resources = new Map(ir.resources);
  let sum = BigInt(`0x${ir.hash}`);
  for (const key of delta.remove) {
    const old = resources.get(key);
    if (old === undefined) continue;
    sum -= resourceHash(old);
    resources.delete(key);
  }
  for (const resource of delta.put) {
    const old = resources.get(resource.key);
    if (old !== undefined) sum -= resourceHash(old);
    sum += resourceHash(resource);
    resources.set(resource.key, resource);
  }
  const hash = hashText(((sum % HASH_MODULUS) + HASH_MODULUS) % HASH_MODULUS);
  if (hash !== delta.hash) throw new DeltaMismatchError(`the delta leads to ${hash}, not to ${delta.hash}`);
  return { resources, hash };
}

export function isEmptyDelta(delta: Delta): boolean {
  return delta.put.length === 0 && delta.remove.length === 0;
}

function resourceHash(resource: Resource): bigint {
  let hash = resourceHashes.get(resource);
  if (hash === undefined) {
    const digest = createHash('sha256').update(canonicalText(resource)).digest();
    hash = BigInt(`0x${digest.subarray(0, HASH_BYTES).toString('hex')}`);
    resourceHashes.set(resource, hash);
  }
  return hash;
}

/** JSON with sorted keys; a secret counts by its fingerprint. */
function canonicalText(value: unknown): string {
  if (value instanceof SecretText) return `"sha256:${value.fingerprint()}"`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalText(field)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

function hashText(sum: bigint): string {
  return sum.toString(16).padStart(HASH_BYTES * 2, '0');
}
