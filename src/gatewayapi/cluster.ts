// Clusters: what a backend that routes may use becomes in the IR. Computed apart from the routes, so that a pod that comes or goes
// touches its cluster alone.
import { CLUSTER_DEFAULTS, type Cluster } from '../ir/cluster.ts';
import { backendEndpoints, backendProtocol, backendTls } from './backend.ts';
import type { FactReader } from './facts.ts';
import { objectKey } from './object-key.ts';
import { clusterProtocol, findServicePort, isProblem } from './service.ts';
import { serviceEndpoints } from './service-endpoints.ts';

/** `key`: `cluster/kind/namespace/name[/port]`. Without endpoints where the backend is no more. */
export function createCluster(key: string, reader: FactReader): Cluster {
  const [, kind = '', namespace = '', name = '', port] = key.split('/');
  const objectName = objectKey(namespace, name);
  const base = { kind: 'cluster', key, ...CLUSTER_DEFAULTS } as const;
  if (kind === 'Service') {
    return { ...base, name: `${objectName}:${port}`, ...serviceParts(reader, objectName, Number(port)) };
  }
  return { ...base, name: objectName, ...backendParts(reader, objectName) };
}

type ClusterParts = Pick<Cluster, 'protocol' | 'endpoints' | 'tls'>;

const NOTHING: ClusterParts = { protocol: 'http1', endpoints: [] };

function serviceParts(reader: FactReader, key: string, port: number): ClusterParts {
  const service = reader.get('Service', key);
  const servicePort = service && findServicePort(service, port);
  if (servicePort === undefined || isProblem(servicePort)) return NOTHING;
  const slices = reader.get('slicesOfService', key) ?? [];
  return { protocol: clusterProtocol(servicePort), endpoints: serviceEndpoints(slices, servicePort) };
}

function backendParts(reader: FactReader, key: string): ClusterParts {
  const backend = reader.get('Backend', key);
  if (backend === undefined) return NOTHING;
  const tls = backendTls(reader, backend);
  return {
    protocol: backendProtocol(backend),
    endpoints: backendEndpoints(backend),
    ...(tls === undefined ? {} : { tls }),
  };
}
