// Objects behind an API server's lists, watches and look-ups, kept in memory: what a provider has to follow.
import type { TestContext } from 'node:test';
import type { KubernetesObject, ObjectMeta } from '../../../../src/api/object.ts';
import { KINDS } from '../../../../src/api/kinds.ts';
import type { Clock } from '../../../../src/kubernetes/clock.ts';
import type { ApiClient } from '../../../../src/kubernetes/api-client.ts';
import { ScriptedApiServer, statusObject } from '../../../harness/scripted-api-server.ts';
import type { ScriptedRequest } from '../../../harness/scripted-api-server.ts';

export type StoredManifest = KubernetesObject & {
  readonly spec?: object;
  readonly status?: object;
  readonly data?: object;
};
interface Collection {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredManifest;
}

interface Watch extends Collection {
  readonly request: ScriptedRequest;
}

const PATH = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?$/;
const PLURALS: ReadonlyMap<string, string> = new Map([
  ...KINDS.map(({ kind, plural }) => [kind, plural] as const),
  ['CustomResourceDefinition', 'customresourcedefinitions'],
]);

export class ApiStore {
  readonly server: ScriptedApiServer;
  /** Of which there is no CRD, by plural. */
  readonly absent: Set<string> = new Set();
  readonly forbidden: Set<string> = new Set();
  /** Every connection is reset. */
  isAway = false;
  readonly #objects = new Map<string, StoredManifest>();
  #watches: Watch[] = [];
  #version = 100;
  #uid = 0;
  #held: Event[] | undefined = undefined;

  private constructor(server: ScriptedApiServer) {
    this.server = server;
    server.script = (request) => this.#answer(request);
  }

  static async open(t: Pick<TestContext, 'after'>): Promise<ApiStore> {
    const store = new ApiStore(await ScriptedApiServer.listen());
    t.after(() => store.server.close());
    return store;
  }

  client(t: Pick<TestContext, 'after'>, clock: Clock): ApiClient {
    const client = this.server.client({}, clock);
    t.after(() => client.close());
    return client;
  }

  /** As a server would: a change of the spec is another generation, an object that was not there another uid. */
  put(manifest: StoredManifest): StoredManifest {
    const key = keyOf(manifest);
    const before = this.#objects.get(key);
    const generation = before?.metadata.generation ?? 0;
    const isSame = before !== undefined && JSON.stringify(before.spec) === JSON.stringify(manifest.spec);
    const metadata: ObjectMeta = {
      ...manifest.metadata,
      uid: before?.metadata.uid ?? `uid-${++this.#uid}`,
      generation: isSame ? generation : generation + 1,
      resourceVersion: `${++this.#version}`,
    };
    const object = { ...manifest, metadata };
    this.#objects.set(key, object);
    this.#tell({ type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  delete(manifest: StoredManifest): void {
    const object = this.#objects.get(keyOf(manifest));
    if (object === undefined) return;
    this.#objects.delete(keyOf(manifest));
    const metadata = { ...object.metadata, resourceVersion: `${++this.#version}` };
    this.#tell({ type: 'DELETED', object: { ...object, metadata } });
  }

  /** What happens in there reaches each watch in one piece. */
  atOnce(work: () => void): void {
    this.#held = [];
    work();
    const events = this.#held;
    this.#held = undefined;
    for (const watch of this.#watches) {
      const concerned = events.filter((event) => concerns(watch, event.object));
      if (concerned.length > 0) watch.request.events(...concerned);
    }
  }

  /** Ends the watches of a kind as a server does that has forgotten their version. */
  expire(plural: string): void {
    for (const { request } of this.#watches.filter((watch) => watch.plural === plural)) {
      request.events({ type: 'ERROR', object: statusObject(410, 'Expired') });
      request.end();
    }
  }

  leave(): void {
    this.isAway = true;
    for (const { request } of this.#watches) request.reset();
  }

  #tell(event: Event): void {
    if (this.#held !== undefined) {
      this.#held.push(event);
      return;
    }
    for (const watch of this.#watches) if (concerns(watch, event.object)) watch.request.events(event);
  }

  #answer(request: ScriptedRequest): void {
    if (this.isAway) return request.reset();
    const [, namespace, plural = '', name] = PATH.exec(request.path) ?? [];
    if (this.absent.has(plural)) return request.refuse(404, 'NotFound');
    if (this.forbidden.has(plural)) return request.refuse(403, 'Forbidden');
    const collection = { plural, namespace, name };
    const found = [...this.#objects.values()].filter((object) => concerns(collection, object));
    if (name !== undefined) return found[0] === undefined ? request.refuse(404, 'NotFound') : request.json(found[0]);
    if (!request.isWatch) return request.list(found, `${this.#version}`);
    const watch = { ...collection, request };
    this.#watches.push(watch);
    request.response.on('close', () => (this.#watches = this.#watches.filter((each) => each !== watch)));
    request.stream();
    const since = Number(request.query.get('resourceVersion'));
    const missed = found.filter(({ metadata }) => Number(metadata.resourceVersion) > since);
    if (missed.length > 0) request.events(...missed.map((object) => ({ type: 'MODIFIED', object })));
  }
}

function concerns({ plural, namespace, name }: Collection, { kind, metadata }: StoredManifest): boolean {
  if (PLURALS.get(kind) !== plural) return false;
  return (namespace ?? metadata.namespace) === metadata.namespace && (name ?? metadata.name) === metadata.name;
}

function keyOf({ kind, metadata }: StoredManifest): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}
