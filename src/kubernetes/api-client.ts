// The verbs of the Kubernetes API for any kind. Paths, queries and bodies are made here and nowhere else; what objects mean is the
// caller's business. Every call can be cancelled by a signal and fails with an ApiError.
import type { KubernetesObject } from '../api/object.ts';
import type { ResourceKind } from '../api/schema.ts';
import { ApiError, isRecord } from './api-error.ts';
import { ApiTransport } from './api-transport.ts';
import type { ApiRequest, TransportOptions } from './api-transport.ts';
import { collectionPath, objectPath } from './resource.ts';
import type { ObjectScope, ResourceScope } from './resource.ts';
import { readWatchEvents } from './watch-event.ts';
import type { WatchEvent } from './watch-event.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Selection extends ResourceScope, CallOptions {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection {
  /** At most so many objects per page. */
  readonly limit?: number | undefined;
  /** The token of the page before. */
  readonly continue?: string | undefined;
}

export interface ListPage {
  /** As they came, unchecked. */
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continue: string | undefined;
}

export interface WatchOptions extends Selection {
  /** Events after this version are sent. */
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
}

export interface WriteOptions extends CallOptions {
  readonly subresource?: 'status' | undefined;
  /** Who writes, for managedFields. */
  readonly fieldManager?: string | undefined;
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Takes over fields that someone else manages. */
  readonly force?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** The object is deleted only if it is this one, in this version. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
}

type ObjectOptions = ObjectScope & CallOptions;

export class ApiClient {
  readonly #transport: ApiTransport;

  constructor(options: TransportOptions) {
    this.#transport = new ApiTransport(options);
  }

  get<T extends KubernetesObject>(kind: ResourceKind, { signal, ...scope }: ObjectOptions): Promise<T> {
    return this.#object({ method: 'GET', path: objectPath(kind, scope), signal });
  }

  async list(kind: ResourceKind, options: ListOptions = {}): Promise<ListPage> {
    const { labelSelector, fieldSelector, limit, signal } = options;
    const query = { labelSelector, fieldSelector, limit, continue: options.continue };
    const path = collectionPath(kind, options);
    const list = parse(await this.#transport.text({ method: 'GET', path, query, signal }));
    const metadata = isRecord(list) ? list['metadata'] : undefined;
    const items = isRecord(list) ? (list['items'] ?? []) : undefined;
    const resourceVersion = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
    if (!isRecord(metadata) || !Array.isArray(items) || typeof resourceVersion !== 'string') {
      throw malformed(`no list of ${kind.plural}`);
    }
    const token = metadata['continue'];
    return { items, resourceVersion, continue: typeof token === 'string' && token !== '' ? token : undefined };
  }

  /** Resolves when the server has begun to answer; the caller iterates the events, in the batches in which they arrive. */
  async watch(kind: ResourceKind, options: WatchOptions): Promise<AsyncIterable<readonly WatchEvent[]>> {
    const { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal } = options;
    const bookmarks = { watch: true, allowWatchBookmarks: true };
    const query = { ...bookmarks, labelSelector, fieldSelector, resourceVersion, timeoutSeconds };
    const path = collectionPath(kind, options);
    return readWatchEvents(await this.#transport.stream({ method: 'GET', path, query, signal }), kind);
  }

  create<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(kind, { version: versionOf(object), namespace: object.metadata.namespace });
    return this.#write({ method: 'POST', path, ...json(object) }, options);
  }

  /** Replaces the object, or its status; refused with 409 where resourceVersion is not the stored one. */
  update<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write({ method: 'PUT', path: pathOf(kind, object, options), ...json(object) }, options);
  }

  /** Server-side apply: sets the fields that the object has, and removes those that this manager set before and has no more. */
  apply<T extends KubernetesObject>(kind: ResourceKind, object: T, options: ApplyOptions): Promise<T> {
    const body = json(object, 'application/apply-patch+yaml');
    const query = { force: options.force };
    return this.#write({ method: 'PATCH', path: pathOf(kind, object, options), query, ...body }, options);
  }

  /** JSON merge patch (RFC 7396). */
  mergePatch<T extends KubernetesObject>(
    kind: ResourceKind,
    scope: ObjectScope,
    patch: object,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = objectPath(kind, { ...scope, subresource: options.subresource });
    return this.#write({ method: 'PATCH', path, ...json(patch, 'application/merge-patch+json') }, options);
  }

  async delete(kind: ResourceKind, options: ObjectScope & DeleteOptions): Promise<void> {
    const { signal, preconditions, ...scope } = options;
    const body = preconditions === undefined ? {} : json({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions });
    await this.#transport.text({ method: 'DELETE', path: objectPath(kind, scope), signal, ...body });
  }

  /** Ends all connections. */
  close(): void {
    this.#transport.close();
  }

  #write<T extends KubernetesObject>(request: ApiRequest, { fieldManager, signal }: WriteOptions): Promise<T> {
    return this.#object({ ...request, query: { ...request.query, fieldManager }, signal });
  }

  async #object<T extends KubernetesObject>(request: ApiRequest): Promise<T> {
    const object = parse(await this.#transport.text(request));
    if (!isRecord(object) || !isRecord(object['metadata'])) throw malformed('no object');
    return object as unknown as T;
  }
}

/** `v1` of `gateway.networking.k8s.io/v1`: an object is written in the version that it is in. */
function versionOf({ apiVersion }: KubernetesObject): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

function pathOf(kind: ResourceKind, object: KubernetesObject, { subresource }: WriteOptions): string {
  const { name, namespace } = object.metadata;
  return objectPath(kind, { version: versionOf(object), namespace, name, subresource });
}

function json(value: unknown, contentType = 'application/json'): Pick<ApiRequest, 'body'> {
  return { body: { contentType, text: JSON.stringify(value) } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformed(what: string): ApiError {
  return new ApiError('response_malformed', `the API server answered with ${what}`);
}
