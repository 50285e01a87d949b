// Reasons and messages of the conditions of a GatewayClass.
import { GatewayClassReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import { listNames } from './quote.ts';

export const CLASS_ACCEPTED: Problem = {
  reason: GatewayClassReason.Accepted,
  message: 'Sluice implements this class.',
};

export const VERSION_SUPPORTED: Problem = {
  reason: GatewayClassReason.SupportedVersion,
  message: 'Sluice implements Gateway API v1.7.0.',
};

/** `crds`: `gateways (v1.2.0)` */
export function versionNotSupported(crds: readonly string[]): Problem {
  return {
    reason: GatewayClassReason.UnsupportedVersion,
    message:
      `Sluice knows the CRDs of Gateway API v1.6 and v1.7, and these are of another version: ${listNames(crds)}. ` +
      'What it knows of them works all the same.',
  };
}

export function invalidClassParameters(defect: string): Problem {
  return {
    reason: GatewayClassReason.InvalidParameters,
    message: `spec.parametersRef ${defect}. Gateways of this class are not served until it is mended.`,
  };
}
