// How a Gateway of ours is to get addresses and sockets: by the binding that its GatewayParameters or those of its class name, else by
// the one that the caller has by default.
import type { GatewayParametersSpec } from '../api/generated/gateway-parameters.ts';
import type { Binding } from './binding.ts';
import type { FactReader } from './facts.ts';
import { findOwnClass } from './gateway-class.ts';
import { bindingNotAvailable, classNotAccepted } from './gateway-condition.ts';
import type { GatewaySetup } from './gateway-model.ts';
import { poolAddresses, resolveClassParameters, resolveGatewayParameters } from './gateway-parameters.ts';

const BINDING_KINDS = { Service: 'service', Pool: 'pool', Host: 'host' } as const;

/** `key`: `namespace/name` of the Gateway. Undefined where it does not exist or is not ours. */
export function createGatewaySetup(key: string, reader: FactReader): GatewaySetup | undefined {
  const gateway = reader.get('Gateway', key);
  const gatewayClass = gateway && findOwnClass(reader, gateway.spec.gatewayClassName);
  if (gateway === undefined || gatewayClass === undefined) return undefined;
  const ofClass = resolveClassParameters(reader, gatewayClass);
  if (ofClass.problem !== undefined) return { rejection: classNotAccepted(gatewayClass.metadata.name) };
  const own = resolveGatewayParameters(reader, gateway);
  if (own.problem !== undefined) return { rejection: own.problem };
  const service = { ...ofClass.spec.service, ...own.spec.service };
  const binding = chooseBinding(reader, { ...ofClass.spec, ...own.spec });
  return typeof binding === 'string' ? { rejection: bindingNotAvailable(binding) } : { binding, service };
}

/** Or the name of the one that the caller does not have. */
function chooseBinding(reader: FactReader, { binding, addressPool }: GatewayParametersSpec): Binding | string {
  const { binding: byDefault, otherBindings = [] } = reader.get('settings', '');
  const kind = binding === undefined ? byDefault.kind : BINDING_KINDS[binding];
  const found = [byDefault, ...otherBindings].find((candidate) => candidate.kind === kind);
  if (found === undefined) return binding ?? kind;
  if (found.kind !== 'pool' || addressPool === undefined) return found;
  const addresses = poolAddresses(addressPool);
  return 'defect' in addresses ? found : { kind: 'pool', addresses };
}
