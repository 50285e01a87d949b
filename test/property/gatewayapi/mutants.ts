// What can be broken in incremental translation, by what is wrong then.
import type { Mutant } from '../mutant.ts';

const MEMO_TABLE = 'gatewayapi/memo-table.ts';
const MEMO = 'gatewayapi/memo.ts';
const RESOURCES = 'gatewayapi/resources.ts';
const OBJECT_INDEX = 'gatewayapi/object-index.ts';
const SHARED_STRUCTURE = 'lib/shared-structure.ts';

const NOTE_READ = 'this.reads.push(source, key, answer);';

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'grants that were read are not noted': notNoted("source === 'grantsInNamespace'"),
  'labels of namespaces that were read are not noted': notNoted("source === 'Namespace'"),
  'absent objects are not noted': notNoted('answer === undefined'),
  'absent Services are not noted': notNoted("source === 'Service' && answer === undefined"),
  'Secrets that were read are not noted': notNoted("source === 'Secret'"),
  'ConfigMaps that were read are not noted': notNoted("source === 'ConfigMap'"),
  'CA certificates that were read are not noted': notNoted("source === 'caCertificates'"),
  'policies of a target are not noted': notNoted("source === 'policiesOfTarget'"),
  'policies of a Gateway are not noted': notNoted("source === 'policiesOfGateway'"),
  'ListenerPolicies that were read are not noted': notNoted("source === 'ListenerPolicy'"),
  'results of other computations are not noted': notNoted("source === 'backendTarget'"),
  'routes of connections that were read are not noted': notNoted("source === 'TCPRoute'"),
  'the listeners of a parent are not noted': notNoted("source === 'routeParent'"),
  'the ListenerSets of a Gateway are not noted': notNoted("source === 'listenerSetsOfGateway'"),
  'what ListenerSets mean is not noted': notNoted("source === 'listenerSetModel'"),
  'ClusterTrustBundles that were read are not noted': notNoted("source === 'ClusterTrustBundle'"),
  'GatewayParameters that were read are not noted': notNoted("source === 'GatewayParameters'"),
  'who has which address of a pool is not noted': notNoted("source === 'addressPlan'"),
  'only the first read is checked': edit(
    MEMO_TABLE,
    'for (let i = 0; i < reads.length; i += 3)',
    'for (let i = 0; i < 3; i += 3)',
  ),
  'an entry is checked against the last round only': edit(
    MEMO_TABLE,
    'number === this.#dirtyRound && lastRound >= this.#previousDirtyRound',
    'true',
  ),
  'a change does not reach what was computed from it': edit(
    MEMO,
    'if (table.dependsOn(changed)) changed.add(name);',
    'table.dependsOn(new Set([name]));',
  ),
  'a source counts as changed when other objects change': edit(
    MEMO,
    "slicesOfService: 'EndpointSlice'",
    "slicesOfService: 'Service'",
  ),
  'settings never change': edit(MEMO, ", ['settings', this.#settings]", ''),
  'counts of routes never change': edit(MEMO, "  'attachedRoutes',\n", ''),
  'users of a target never change': edit(MEMO, "  'gatewaysOfTarget',\n", ''),
  'Services of Gateways never change': edit(MEMO, "  'gatewayService',\n", ''),
  'last good certificates never change': edit(MEMO, "  'lastGoodCertificate',\n", ''),
  'ports that can not be bound never change': edit(MEMO, "  'unavailablePort',\n", ''),
  'a list survives that an object is put': edit(
    RESOURCES,
    'objects.set(key, object);\n    this.#lists.delete(kind);',
    'objects.set(key, object);',
  ),
  'a list survives that an object is deleted': edit(
    RESOURCES,
    'objects.delete(key);\n    this.#lists.delete(kind);',
    'objects.delete(key);',
  ),
  'an index keeps what was replaced': edit(OBJECT_INDEX, 'filter((object) => object !== previous)', 'slice()'),
  'an index is in the order of arrival': edit(OBJECT_INDEX, 'rest.sort(byName)', 'rest'),
  'Gateways come in the order of arrival': edit('gatewayapi/port-plan.ts', '.sort(compareSeniority)', ''),
  'ListenerSets come in the order of arrival': edit(
    'gatewayapi/listener-precedence.ts',
    '.toSorted(compareSeniority)',
    '',
  ),
  'addresses of a pool are given out in the order of arrival': edit(
    'gatewayapi/address-plan.ts',
    '.sort(compareSeniority)',
    '',
  ),
  'all secrets are equal': edit(SHARED_STRUCTURE, 'previous.fingerprint() === next.fingerprint()', 'true'),
  'a list that grew is taken for the old one': edit(
    SHARED_STRUCTURE,
    'previous.length === next.length && shared.every(',
    'previous.every((_, index) => index < next.length) && shared.slice(0, previous.length).every(',
  ),
  'an object that lost a field is taken for the old one': edit(
    SHARED_STRUCTURE,
    'names.length === Object.keys(previous).length',
    'true',
  ),
  'nothing keeps its identity': edit(
    MEMO_TABLE,
    'shareStructure(previous, this.#compute(key, reader))',
    'this.#compute(key, reader)',
  ),
};

function notNoted(condition: string): Mutant {
  return edit(MEMO_TABLE, NOTE_READ, `if (!(${condition})) ${NOTE_READ}`);
}

function edit(file: string, text: string, replacement: string): Mutant {
  return { file, text, replacement };
}
