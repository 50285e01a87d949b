// Whether every condition of ours was written by the gateway: the API server's audit log has each write of a status, by whom, and what came of
// it. Others may write statuses, too, and the suite does, but then what the gateway said must be in them as the gateway said it.
import { readAuditLog } from './audit-log.ts';

type Fields = Readonly<Record<string, unknown>>;

const CONTROLLER_NAME = 'sluice.dev/gateway-controller';
const GATEWAY_API = 'gateway.networking.k8s.io';
/** What Gateway API defines for GatewayClasses, Gateways, ListenerSets and their listeners. */
const OWN_TYPES: ReadonlySet<unknown> = new Set([
  'Accepted',
  'Conflicted',
  'Programmed',
  'ResolvedRefs',
  'SupportedVersion',
]);
const MAX_SHOWN = 20;

/** What has to be logged for it. */
export const AUTHORSHIP_RULE: string = `{ level: RequestResponse, verbs: [update, patch], resources: [{ group: ${GATEWAY_API}, resources: ["*/status"] }] }`;

/** @returns what is wrong, a line for each object; `writes`: how many of the gateway's were seen. */
export function checkAuthorship(
  log: string,
  gatewayUser: string,
): { readonly wrong: string[]; readonly writes: number } {
  const said = new Map<string, string>();
  const wrong = new Map<string, string>();
  let writes = 0;
  for (const { user, objectRef, responseStatus, responseObject } of readAuditLog(log)) {
    if ((responseStatus?.code ?? 500) >= 300 || responseObject?.status === undefined) continue;
    const { resource, namespace, name } = objectRef ?? {};
    const key = `${resource} ${namespace ?? ''}/${name} ${responseObject.metadata?.uid}`;
    const own = JSON.stringify(ownConditions(responseObject.status));
    if (user.username === gatewayUser) {
      writes++;
      said.set(key, own);
    } else if (own !== (said.get(key) ?? '[]')) {
      wrong.set(key, `${key}: ${user.username} wrote ${own}, the gateway had said ${said.get(key) ?? 'nothing'}`);
    }
  }
  return { wrong: [...wrong.values()].slice(0, MAX_SHOWN), writes };
}

/** In an order of its own; those that are Unknown are the API server's defaults. */
function ownConditions(status: Fields): string[] {
  const own = asList(status['conditions']).filter(({ type }) => OWN_TYPES.has(type));
  const listeners = asList(status['listeners']).flatMap((listener) =>
    asList(listener['conditions'])
      .filter(({ type }) => OWN_TYPES.has(type))
      .map((condition) => ({ ...condition, of: listener['name'] })),
  );
  const entries = [...asList(status['parents']), ...asList(status['ancestors'])]
    .filter(({ controllerName }) => controllerName === CONTROLLER_NAME)
    .flatMap(({ conditions, parentRef, ancestorRef }) =>
      asList(conditions).map((condition) => ({ ...condition, of: parentRef ?? ancestorRef })),
    );
  return [...own, ...listeners, ...entries]
    .filter((condition) => (condition as Fields)['status'] !== 'Unknown')
    .map((condition) => JSON.stringify(Object.entries(condition).toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .toSorted();
}

function asList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : [];
}
