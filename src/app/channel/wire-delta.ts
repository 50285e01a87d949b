// A delta as it crosses from control to a worker. Here, and only here, private keys leave a process: a structured clone would lose them,
// and the hash of the IR would not agree any more.
import type { Delta, Resource } from '../../ir/ir.ts';
import { SecretText } from '../../lib/secret-text.ts';

export type WireDelta = Omit<Delta, 'put'> & { readonly put: readonly object[] };

export function toWire(delta: Delta): WireDelta {
  return { ...delta, put: delta.put.map(resourceToWire) };
}

/** @param wire from a peer of the same version. */
export function fromWire(wire: WireDelta): Delta {
  return { ...wire, put: wire.put.map((resource) => resourceFromWire(resource as Resource)) };
}

function resourceToWire(resource: Resource): object {
  return resource.kind === 'certificate' ? { ...resource, privateKeyPem: resource.privateKeyPem.reveal() } : resource;
}

function resourceFromWire(resource: Resource): Resource {
  if (resource.kind !== 'certificate') return resource;
  return { ...resource, privateKeyPem: new SecretText(resource.privateKeyPem as unknown as string) };
}
