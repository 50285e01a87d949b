// What the API server does with objects of core kinds beyond their schema: defaults that depend on other fields, merged data,
// and the checks that only such a kind has.
import { isIPv4, isIPv6 } from 'node:net';
import type { ConfigMap, EndpointSlice, Secret, Service, ServicePort } from '../api/core.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { ProblemList } from './problem.ts';

/** The limit of the API server for the data of a Secret or ConfigMap. */
const MAX_DATA_BYTES = 1024 * 1024;
const MAX_KEY_LENGTH = 253;

/** Completes and checks an object that has the structure of its kind. */
export function completeCoreObject(object: KubernetesObject, problems: ProblemList): KubernetesObject {
  switch (object.kind) {
    case 'Secret':
      return completeSecret(object as SecretManifest, problems);
    case 'ConfigMap':
      return checkConfigMap(object as ConfigMap, problems);
    case 'Service':
      return completeService(object as Service, problems);
    case 'EndpointSlice':
      return checkEndpointSlice(object as EndpointSlice, problems);
    default:
      return object;
  }
}

type Texts = Readonly<Record<string, string>>;
type SecretManifest = Secret & { readonly stringData?: Texts };

function completeSecret(manifest: SecretManifest, problems: ProblemList): Secret {
  const { stringData, ...secret } = manifest;
  checkKeys('data', secret.data, problems);
  checkKeys('stringData', stringData, problems);
  const encoded = Object.entries(stringData ?? {}).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  const data: Texts = Object.fromEntries([...Object.entries(secret.data ?? {}), ...encoded]);
  checkSize(
    Object.values(data).map((text) => Buffer.byteLength(text, 'base64')),
    problems,
  );
  return Object.keys(data).length > 0 ? { ...secret, data } : secret;
}

function checkConfigMap(configMap: ConfigMap, problems: ProblemList): ConfigMap {
  const { data = {}, binaryData = {} } = configMap;
  checkKeys('data', data, problems);
  checkKeys('binaryData', binaryData, problems);
  for (const key of Object.keys(binaryData)) {
    if (!Object.hasOwn(data, key)) continue;
    problems.enter('binaryData');
    problems.add('duplicate', 'the key is also in data', key);
    problems.leave();
  }
  const sizes = Object.values(data).map((text) => Buffer.byteLength(text));
  checkSize([...sizes, ...Object.values(binaryData).map((text) => Buffer.byteLength(text, 'base64'))], problems);
  return configMap;
}

function checkKeys(field: string, data: Texts | undefined, problems: ProblemList): void {
  problems.enter(field);
  for (const key of Object.keys(data ?? {})) {
    const valid = key.length <= MAX_KEY_LENGTH && /^[-._a-zA-Z0-9]+$/.test(key) && key !== '.' && key !== '..';
    if (!valid) problems.add('key', 'the key must consist of letters, digits, hyphens, underscores and dots', key);
  }
  problems.leave();
}

function checkSize(sizes: readonly number[], problems: ProblemList): void {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > MAX_DATA_BYTES)
    problems.add('size', `must have at most ${MAX_DATA_BYTES} bytes in all, has ${bytes}`, 'data');
}

function completeService(service: Service, problems: ProblemList): Service {
  const { type, externalName, clusterIP, ports } = service.spec;
  problems.enter('spec');
  if (type === 'ExternalName' && !externalName)
    problems.add('required', 'is required for a Service of type ExternalName', 'externalName');
  if (type !== 'ExternalName' && clusterIP !== 'None' && !ports?.length)
    problems.add('required', 'is required', 'ports');
  if (ports !== undefined && ports.length > 1) checkPortNames(ports, problems);
  problems.leave();
  if (ports === undefined) return service;
  const completed = ports.map(({ name, port, targetPort, protocol, ...rest }) => ({
    ...(name ? { name } : {}),
    port,
    targetPort: targetPort ?? port,
    protocol,
    ...rest,
  }));
  return { ...service, spec: { ...service.spec, ports: completed } };
}

function checkPortNames(ports: readonly ServicePort[], problems: ProblemList): void {
  const names = new Set<string>();
  problems.enter('ports');
  for (const [index, { name }] of ports.entries()) {
    problems.enter(index);
    if (!name) problems.add('required', 'is required when a Service has several ports', 'name');
    else if (names.has(name)) problems.add('duplicate', 'another port of the Service has this name', 'name');
    else names.add(name);
    problems.leave();
  }
  problems.leave();
}

function checkEndpointSlice(slice: EndpointSlice, problems: ProblemList): EndpointSlice {
  const isAddress = { IPv4: isIPv4, IPv6: isIPv6, FQDN: () => true }[slice.addressType];
  problems.enter('endpoints');
  for (const [index, { addresses }] of (slice.endpoints ?? []).entries()) {
    for (const [position, address] of addresses.entries()) {
      if (isAddress(address)) continue;
      problems.enter(index);
      problems.enter('addresses');
      problems.add('format', `must be an ${slice.addressType} address, as addressType says`, position);
      problems.leave();
      problems.leave();
    }
  }
  problems.leave();
  return slice;
}
