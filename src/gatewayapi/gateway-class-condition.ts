// Reasons and messages of the conditions of a GatewayClass.
import { GatewayClassReason } from '../api/condition.ts';
import type { ParametersReference } from '../api/generated/gateway-class.ts';
import type { Problem } from './object-status.ts';
import { kindName } from './quote.ts';

export const CLASS_ACCEPTED: Problem = {
  reason: GatewayClassReason.Accepted,
  message: 'Sluice implements this class.',
};

export const VERSION_SUPPORTED: Problem = {
  reason: GatewayClassReason.SupportedVersion,
  message: 'Sluice implements Gateway API v1.7.0.',
};

export function invalidClassParameters(parametersRef: ParametersReference): Problem {
  return {
    reason: GatewayClassReason.InvalidParameters,
    message:
      `spec.parametersRef refers to a ${kindName(parametersRef)}, which Sluice has no use for; remove it. ` +
      'Gateways of this class are not served until then.',
  };
}
