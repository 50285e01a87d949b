// A small client of the API server for the rig itself: requests, server-side apply of manifests, a watch. It is not the product's client,
// which it helps to test.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Identity } from './credentials.ts';
import { splitManifests } from './manifest.ts';
import type { Manifest } from './manifest.ts';

export interface ApiAnswer {
  readonly status: number;
  /** What JSON says; a string when it is none. */
  readonly body: unknown;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

interface ResourceType {
  readonly kind: string;
  readonly name: string;
  readonly namespaced: boolean;
}

const REQUEST_TIMEOUT_MS = 30_000;
const POLL_EVERY_MS = 100;
const FIELD_MANAGER = 'conformance-rig';

/** The API server refused; the message holds its words. */
export class ApiError extends Error {
  readonly code = 'API_REFUSED';
  readonly status: number;

  constructor(method: string, path: string, { status, body }: ApiAnswer) {
    super(`${method} ${path}: ${status} ${(body as { message?: string } | null)?.message ?? JSON.stringify(body)}`);
    this.status = status;
  }
}

export class ApiClient {
  readonly #server: string;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #resourceTypes = new Map<string, readonly ResourceType[]>();

  /** @param authority path of the PEM file that the server's certificate is checked with */
  constructor(server: string, authority: string, identity: Identity) {
    this.#server = server;
    const pair =
      'token' in identity ? {} : { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) };
    this.#agent = new Agent({ keepAlive: true, ca: readFileSync(authority), ...pair });
    this.#headers = 'token' in identity ? { authorization: `Bearer ${identity.token}` } : {};
  }

  /** Any answer is a result; only a broken connection is an error. A string is sent as it is, everything else as JSON. */
  async request(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<ApiAnswer> {
    const response = await this.#send(method, path, body, contentType, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString('utf8')) };
  }

  /** As `request`, and gives the body of a success. @throws ApiError */
  async call<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    const answer = await this.request(method, path, body, contentType);
    if (answer.status >= 300) throw new ApiError(method, path, answer);
    return answer.body as T;
  }

  /**
   * Server-side apply, unknown fields refused; gives the manifests of the text. CRDs among them are established when it returns.
   * @param namespace of what names none
   */
  async apply(text: string, namespace = 'default'): Promise<Manifest[]> {
    const manifests = splitManifests(text);
    for (const manifest of manifests) {
      const path = await this.#pathOf(manifest, namespace);
      const query = `fieldManager=${FIELD_MANAGER}&force=true&fieldValidation=Strict`;
      await this.call('PATCH', `${path}?${query}`, manifest.text, 'application/apply-patch+yaml');
    }
    for (const { kind, name } of manifests) {
      if (kind !== 'CustomResourceDefinition') continue;
      await this.until<{ status?: { conditions?: { type: string; status: string }[] } }>(
        `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`,
        ({ status }) => status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'),
      );
    }
    return manifests;
  }

  /** Asks again until the object is there and `probe` says so. @throws Error after `boundMs`. */
  async until<T>(path: string, probe: (object: T) => boolean | undefined, boundMs = 30_000): Promise<T> {
    const deadline = performance.now() + boundMs;
    for (;;) {
      const { status, body } = await this.request('GET', path);
      if (status === 200 && probe(body as T) === true) return body as T;
      if (performance.now() > deadline) throw new Error(`${path} is not as wanted: ${JSON.stringify(body)}`);
      await delay(POLL_EVERY_MS);
    }
  }

  /** Events of a collection since its version; ends when the server ends it. */
  async *watch<T>(path: string, resourceVersion: string): AsyncGenerator<WatchEvent<T>> {
    const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
    const separator = path.includes('?') ? '&' : '?';
    const response = await this.#send('GET', `${path}${separator}${query}`);
    if (response.statusCode !== 200) throw new Error(`watch ${path}: ${response.statusCode}`);
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = `${rest}${chunk as string}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #pathOf(manifest: Manifest, defaultNamespace: string): Promise<string> {
    const { apiVersion, kind, name, namespace = defaultNamespace } = manifest;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const types = this.#resourceTypes.get(root)?.some((type) => type.kind === kind)
      ? this.#resourceTypes.get(root)
      : (await this.call<{ resources: ResourceType[] }>('GET', root)).resources;
    this.#resourceTypes.set(root, types ?? []);
    const type = types?.find((each) => each.kind === kind && !each.name.includes('/'));
    if (type === undefined) throw new Error(`the API server knows no ${kind} of ${apiVersion}`);
    const scope = type.namespaced ? `/namespaces/${namespace}` : '';
    return `${root}${scope}/${type.name}/${name}`;
  }

  #send(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    // Node gives the body of a DELETE no length by itself, and the server would take it for the next request.
    const describing = text !== undefined && {
      'content-type': contentType,
      'content-length': Buffer.byteLength(text),
    };
    const headers = { ...this.#headers, ...describing };
    return new Promise((resolve, reject) => {
      request(`${this.#server}${path}`, { method, headers, agent: this.#agent, ...(signal && { signal }) }, resolve)
        .once('error', reject)
        .end(text);
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
