// What a backendRef leads to, whoever refers to it: the key of a cluster, or why it can't be used.
import {
  backendNotFound,
  datagramsNotSecured,
  protocolNotUsable,
  proxyProtocolNotUsable,
  servicePortMissing,
} from './backend-condition.ts';
import {
  findAppProtocol,
  protocolDefect,
  protocolOfBackend,
  type BackendProtocol,
  type BackendTraffic,
} from './backend-protocol.ts';
import { tlsOfBackend, tlsOfServicePort } from './backend-tls.ts';
import type { FactReader } from './facts.ts';
import { objectKey } from './object-key.ts';
import { quote } from './quote.ts';
import type { BackendTarget } from './route-model.ts';
import { findServicePort, isProblem, serviceProblem } from './service.ts';

/**
 * `key`: what goes there, and to what: `http/Service/namespace/name/port`, without the port where the reference has none,
 * `http/Backend/namespace/name`.
 */
export function resolveBackendTarget(key: string, reader: FactReader): BackendTarget {
  const [traffic = '', kind = '', namespace = '', name = '', port] = key.split('/');
  const objectName = objectKey(namespace, name);
  return kind === 'Service'
    ? resolveService(reader, traffic as BackendTraffic, objectName, port === undefined ? undefined : Number(port))
    : resolveBackend(reader, traffic as BackendTraffic, objectName);
}

function resolveService(
  reader: FactReader,
  traffic: BackendTraffic,
  key: string,
  port: number | undefined,
): BackendTarget {
  const service = reader.get('Service', key);
  if (service === undefined) return { problem: backendNotFound('Service', key) };
  if (port === undefined) return { problem: servicePortMissing(key) };
  const transport = traffic === 'datagram' ? 'UDP' : 'TCP';
  const servicePort = serviceProblem(service) ?? findServicePort(service, port, transport);
  if (isProblem(servicePort)) return { problem: servicePort };
  const cluster = `cluster/Service/${key}/${port}`;
  if (traffic === 'datagram') return { cluster: `${cluster}/udp` };
  const { tls, problem } = tlsOfServicePort(reader, key, servicePort.name);
  if (problem !== undefined) return { problem };
  const { appProtocol = '' } = servicePort;
  const saying = `port ${port} of Service ${key} has appProtocol ${quote(appProtocol)}`;
  return chooseCluster(cluster, traffic, findAppProtocol(appProtocol), tls !== undefined, saying);
}

function resolveBackend(reader: FactReader, traffic: BackendTraffic, key: string): BackendTarget {
  const backend = reader.get('Backend', key);
  if (backend === undefined) return { problem: backendNotFound('Backend', key) };
  const { tls, problem } = tlsOfBackend(reader, backend);
  if (problem !== undefined) return { problem };
  if (traffic !== 'stream' && backend.spec.proxyProtocol !== undefined)
    return { problem: proxyProtocolNotUsable(key, traffic === 'datagram') };
  if (traffic === 'datagram' && tls !== undefined) return { problem: datagramsNotSecured(key) };
  const saying = `Backend ${key} has spec.protocol ${backend.spec.protocol}`;
  return chooseCluster(`cluster/Backend/${key}`, traffic, protocolOfBackend(backend), tls !== undefined, saying);
}

/** Streams and datagrams go whatever the backend says that it speaks. */
function chooseCluster(
  cluster: string,
  traffic: BackendTraffic,
  protocol: BackendProtocol | undefined,
  isSecured: boolean,
  saying: string,
): BackendTarget {
  if (traffic === 'stream' || traffic === 'datagram') return { cluster };
  const defect = protocolDefect(protocol, traffic, isSecured);
  if (defect !== undefined) return { problem: protocolNotUsable(saying, defect) };
  return { cluster: traffic === 'grpc' && protocol?.grpc === 'own' ? `${cluster}/grpc` : cluster };
}
