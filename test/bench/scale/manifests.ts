// Thousands of routes in a folder of manifests, and the files in it that change.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOST } from '../workspace.ts';

export interface ManifestsOptions {
  readonly directory: string;
  readonly routes: number;
  readonly httpPort: number;
  readonly upstreamPort: number;
}

const ROUTES_PER_FILE = 100;
/** One each in files of their own, to be changed at a pace. */
export const CHURNED_ROUTES = 100;
export const CHURNED_SLICES = 100;
export const ENDPOINTS_PER_SLICE = 5;

export class Manifests {
  readonly folder: string;
  readonly #written: string;
  readonly #options: ManifestsOptions;

  constructor(options: ManifestsOptions) {
    this.#options = options;
    this.folder = join(options.directory, 'manifests');
    this.#written = join(options.directory, 'written.yaml');
    mkdirSync(this.folder);
    for (let first = CHURNED_ROUTES; first < options.routes; first += ROUTES_PER_FILE) {
      const count = Math.min(ROUTES_PER_FILE, options.routes - first);
      const texts = Array.from({ length: count }, (_, i) => routeText(`route-${first + i}`, pathOf(first + i)));
      writeFileSync(join(this.folder, `routes-${first}.yaml`), texts.join('---\n'));
    }
    for (let i = 0; i < CHURNED_ROUTES; i++) this.churnRoute(i, 0);
    for (let i = 0; i < CHURNED_SLICES; i++) this.churnEndpoints(i, 0);
    writeFileSync(join(this.folder, 'gateway.yaml'), gatewayText(this.#options));
    this.changeRoute('/changing/0');
  }

  /** A path that answers from the start and stays. */
  get steadyPath(): string {
    return pathOf(this.#options.routes - 1);
  }

  /** The route that is watched gets another path. */
  changeRoute(path: string): void {
    this.#replace('changing.yaml', routeText('changing', path));
  }

  churnRoute(index: number, version: number): void {
    this.#replace(`churned-route-${index}.yaml`, routeText(`route-${index}`, `${pathOf(index)}/${version}`, index));
  }

  churnEndpoints(index: number, version: number): void {
    this.#replace(`churned-slice-${index}.yaml`, sliceText(index, version));
  }

  #replace(name: string, text: string): void {
    writeFileSync(this.#written, text);
    renameSync(this.#written, join(this.folder, name));
  }
}

function pathOf(index: number): string {
  return `/team-${index % 50}/service-${index}/v1`;
}

/** @param service the number of one to route to; default: the upstream. */
function routeText(name: string, path: string, service?: number): string {
  const upstream = 'group: sluice.dev, kind: Backend, name: upstream';
  const backend = service === undefined ? upstream : `name: service-${service}, port: 80`;
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: bench }
spec:
  parentRefs: [{ name: bench }]
  hostnames: [${HOST}]
  rules:
    - matches: [{ path: { type: PathPrefix, value: ${path} } }]
      backendRefs: [{ ${backend} }]
`;
}

/** A Service and its endpoints, which are never called. Each version has other endpoints. */
function sliceText(index: number, version: number): string {
  const endpoints = Array.from({ length: ENDPOINTS_PER_SLICE }, (_, i) => {
    const number = (version * ENDPOINTS_PER_SLICE + i) % 62_500;
    return `{ addresses: [10.${index}.${Math.floor(number / 250)}.${(number % 250) + 1}] }`;
  });
  return `apiVersion: v1
kind: Service
metadata: { name: service-${index}, namespace: bench }
spec:
  ports: [{ port: 80, targetPort: 8080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: service-${index}, namespace: bench, labels: { kubernetes.io/service-name: service-${index} } }
addressType: IPv4
ports: [{ name: "", port: 8080 }]
endpoints: [${endpoints.join(', ')}]
`;
}

function gatewayText({ httpPort, upstreamPort }: ManifestsOptions): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: bench, namespace: bench }
spec:
  gatewayClassName: sluice
  listeners: [{ name: http, port: ${httpPort}, protocol: HTTP }]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: { name: upstream, namespace: bench }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: ${upstreamPort} } }]
`;
}
