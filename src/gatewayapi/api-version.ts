// Which versions of Gateway API's CRDs Sluice knows. With others it does its best, and says so in the status of its classes.
import type { InstalledCrd } from './facts.ts';

const GROUP_SUFFIX = '.gateway.networking.k8s.io';
/** v1.7.0 is implemented; v1.6 has the same kinds in the same versions, with fewer fields. */
const KNOWN_VERSION = /^v1\.[67]\.\d+(?:-[\w.]+)?$/;

/** What is wrong with the CRDs of Gateway API that are installed: `gateways (v1.2.0)`, by CRD. */
export function unknownVersions(crds: readonly InstalledCrd[]): readonly string[] {
  return crds
    .filter(({ name, bundleVersion = '' }) => name.endsWith(GROUP_SUFFIX) && !KNOWN_VERSION.test(bundleVersion))
    .map(({ name, bundleVersion = 'no version' }) => `${name.slice(0, -GROUP_SUFFIX.length)} (${bundleVersion})`)
    .sort();
}

/** Whether statuses may have the fields of the experimental channel. */
export function hasExperimentalFields(crds: readonly InstalledCrd[] | undefined): boolean {
  return (
    crds === undefined ||
    crds.some(({ name, channel }) => name === `gateways${GROUP_SUFFIX}` && channel === 'experimental')
  );
}
