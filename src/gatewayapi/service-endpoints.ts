// The ready endpoints behind a Service's port, from its EndpointSlices: headless Services and those without a selector too.
import type { EndpointSlice, ServicePort, SliceEndpoint } from '../api/core.ts';
import type { Endpoint } from '../ir/cluster.ts';

/** In the order of the slices' names; each address and port once. Slices with addressType FQDN are deprecated and left out. */
export function serviceEndpoints(slices: readonly EndpointSlice[], servicePort: ServicePort): readonly Endpoint[] {
  const endpoints = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const port = slicePort(slice, servicePort);
    if (port === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      // The addresses of one endpoint are interchangeable: the API lets its readers use the first.
      const [address] = addresses;
      if (address === undefined || !isReady(conditions)) continue;
      endpoints.set(`${address} ${port}`, { kind: 'ip', address, port });
    }
  }
  return [...endpoints.values()];
}

/** Ports are matched by name. A port without a number stands for all: then the Service's own says where to go. */
function slicePort({ ports = [] }: EndpointSlice, servicePort: ServicePort): number | undefined {
  const { name = '', port, targetPort, protocol } = servicePort;
  const found = ports.find((candidate) => candidate.name === name && candidate.protocol === protocol);
  if (found === undefined) return undefined;
  return found.port ?? (typeof targetPort === 'number' ? targetPort : port);
}

function isReady(conditions: SliceEndpoint['conditions']): boolean {
  return conditions?.ready ?? true;
}
