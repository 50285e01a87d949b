// What is to exist in the cluster for a Gateway of ours, in the words of its spec and its GatewayParameters: for the provider, which makes
// Services of it. The translator itself only says what is wanted, and reads what came of it as GatewayService.
import type { FactReader } from './facts.ts';
import { allListeners, type GatewayPlan, type PlannedPort } from './gateway-model.ts';
import { socketProtocol } from './listener-protocol.ts';
import { portName } from '../ir/listener.ts';

/** `key`: `namespace/name`. Undefined where the Gateway does not exist, is not ours, or can't be accepted as a whole. */
export function createGatewayPlan(key: string, reader: FactReader): GatewayPlan | undefined {
  const gateway = reader.get('Gateway', key);
  const model = reader.get('gatewayModel', key);
  const setup = reader.get('gatewaySetup', key);
  if (gateway === undefined || model?.rejection !== undefined || setup?.binding === undefined || model === undefined)
    return undefined;
  const { addresses = [], infrastructure = {} } = gateway.spec;
  const ports = new Map<string, PlannedPort>();
  for (const { protocol, port, rejection, conflict } of allListeners(model)) {
    const socket = socketProtocol(protocol);
    if (socket === undefined || rejection !== undefined || conflict !== undefined) continue;
    const name = portName(port, socket);
    ports.set(name, { name, port, transport: socket === 'UDP' ? 'UDP' : 'TCP' });
  }
  return {
    binding: setup.binding.kind,
    addresses,
    ports: [...ports.values()].sort((a, b) => a.port - b.port || (a.transport < b.transport ? -1 : 1)),
    service: setup.service,
    labels: infrastructure.labels ?? {},
    annotations: infrastructure.annotations ?? {},
  };
}
