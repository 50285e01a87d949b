// What a snapshot says of the datagrams of one listener.
import { selectStream } from '../runtime/runtime-stream-route.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../runtime/snapshot.ts';
import type { DatagramRouting } from './udp-socket.ts';

/** Undefined where no virtual host is for datagrams. */
export function datagramRouting({ clusters }: RuntimeSnapshot, listener: RuntimeListener): DatagramRouting | undefined {
  const host = listener.virtualHosts.any?.stream;
  if (host === undefined) return undefined;
  return {
    select: () => selectStream(host, undefined, (key) => clusters.get(key)),
    has: (cluster, endpoint) => clusters.get(cluster)?.pools.some(({ name }) => name === endpoint) === true,
  };
}
