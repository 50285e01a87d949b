// Clusters: what a backend that routes may use becomes in the IR. Computed apart from the routes, so that a pod that comes or goes
// touches its cluster alone.
import { CLUSTER_DEFAULTS, type Cluster, type Endpoint } from '../ir/cluster.ts';
import { backendEndpoints } from './backend.ts';
import { clusterProtocol, findAppProtocol, protocolOfBackend, type BackendProtocol } from './backend-protocol.ts';
import { tlsOfBackend, tlsOfServicePort, type BackendTls } from './backend-tls.ts';
import type { FactReader } from './facts.ts';
import { objectKey } from './object-key.ts';
import { findServicePort, isProblem } from './service.ts';
import { serviceEndpoints } from './service-endpoints.ts';

/** `key`: `cluster/kind/namespace/name[/port][/grpc|/udp]`. Without endpoints where the backend can't be used. */
export function createCluster(key: string, reader: FactReader): Cluster {
  const [, kind = '', namespace = '', name = '', ...rest] = key.split('/');
  const objectName = objectKey(namespace, name);
  const base = { kind: 'cluster', key, ...CLUSTER_DEFAULTS } as const;
  if (kind === 'Service') {
    const [port = '', use] = rest;
    return { ...base, name: `${objectName}:${port}`, ...serviceParts(reader, objectName, Number(port), use) };
  }
  return { ...base, name: objectName, ...backendParts(reader, objectName, rest[0]) };
}

type ClusterParts = Pick<Cluster, 'protocol' | 'endpoints' | 'tls' | 'proxyProtocol'>;

const NOTHING: ClusterParts = { protocol: 'http1', endpoints: [] };

function serviceParts(reader: FactReader, key: string, port: number, use: string | undefined): ClusterParts {
  const service = reader.get('Service', key);
  const servicePort = service && findServicePort(service, port, use === 'udp' ? 'UDP' : 'TCP');
  if (servicePort === undefined || isProblem(servicePort)) return NOTHING;
  const endpoints = serviceEndpoints(reader.get('slicesOfService', key) ?? [], servicePort);
  const secured = use === 'udp' ? {} : tlsOfServicePort(reader, key, servicePort.name);
  return createParts(findAppProtocol(servicePort.appProtocol ?? ''), endpoints, secured, use);
}

function backendParts(reader: FactReader, key: string, use: string | undefined): ClusterParts {
  const backend = reader.get('Backend', key);
  if (backend === undefined) return NOTHING;
  const { proxyProtocol } = backend.spec;
  return {
    ...createParts(protocolOfBackend(backend), backendEndpoints(backend), tlsOfBackend(reader, backend), use),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol: proxyProtocol === 'V1' ? 1 : 2 }),
  };
}

function createParts(
  protocol: BackendProtocol | undefined,
  endpoints: readonly Endpoint[],
  { tls, problem }: BackendTls,
  use: string | undefined,
): ClusterParts {
  if (problem !== undefined) return NOTHING;
  return {
    protocol: clusterProtocol(protocol, tls !== undefined, use === 'grpc'),
    endpoints,
    ...(tls === undefined ? {} : { tls }),
  };
}
