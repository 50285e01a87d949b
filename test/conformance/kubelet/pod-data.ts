// What Secrets, ConfigMaps, tokens and the pod itself give its containers: files of volumes and environment variables. What is not there yet
// is asked for again until it is.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '../api-client.ts';
import { podField } from './pod-types.ts';
import type { ContainerSpec, KeyToPath, Pod, ProjectedSource, Volume } from './pod-types.ts';

const RETRY_EVERY_MS = 200;
const DEFAULT_TOKEN_SECONDS = 3600;

type Files = ReadonlyMap<string, Buffer>;
type DataKind = 'configmaps' | 'secrets';

export class PodData {
  readonly #api: ApiClient;
  readonly #pod: Pod;
  readonly #podIP: string;
  readonly #signal: AbortSignal;

  /** @param signal ends waiting for what is not there */
  constructor(api: ApiClient, pod: Pod, podIP: string, signal: AbortSignal) {
    this.#api = api;
    this.#pod = pod;
    this.#podIP = podIP;
    this.#signal = signal;
  }

  /** Writes each volume into a folder of its name. */
  async writeVolumes(folder: string): Promise<void> {
    for (const volume of this.#pod.spec.volumes ?? []) {
      const target = join(folder, volume.name);
      mkdirSync(target, { recursive: true });
      for (const [path, content] of await this.#filesOf(volume)) {
        mkdirSync(dirname(join(target, path)), { recursive: true });
        writeFileSync(join(target, path), content);
      }
    }
  }

  async environmentOf({ env = [], envFrom = [] }: ContainerSpec): Promise<Record<string, string>> {
    const environment: Record<string, string> = {};
    for (const { secretRef, configMapRef } of envFrom) {
      const kind = secretRef === undefined ? 'configmaps' : 'secrets';
      const { name = '', optional = false } = secretRef ?? configMapRef ?? {};
      for (const [key, value] of await this.#data(kind, name, optional)) environment[key] = value.toString('utf8');
    }
    for (const { name, value, valueFrom } of env) {
      if (valueFrom?.fieldRef !== undefined) {
        environment[name] = podField(this.#pod, this.#podIP, valueFrom.fieldRef.fieldPath);
      } else if (valueFrom !== undefined) {
        const kind = valueFrom.secretKeyRef === undefined ? 'configmaps' : 'secrets';
        const reference = valueFrom.secretKeyRef ?? valueFrom.configMapKeyRef;
        if (reference === undefined) throw new Error(`no source for ${name}`);
        const data = await this.#data(kind, reference.name, reference.optional ?? false);
        const content = data.get(reference.key);
        if (content !== undefined) environment[name] = content.toString('utf8');
      } else {
        environment[name] = expand(value ?? '', environment);
      }
    }
    return environment;
  }

  async #filesOf(volume: Volume): Promise<Files> {
    if (volume.emptyDir !== undefined) return new Map();
    if (volume.projected !== undefined) {
      const parts = [];
      for (const source of volume.projected.sources) parts.push(...(await this.#sourceFiles(source)));
      return new Map(parts);
    }
    const { secret, configMap, downwardAPI } = volume;
    if (secret !== undefined) return await this.#sourceFiles({ secret: { name: secret.secretName, ...secret } });
    return await this.#sourceFiles({
      ...(configMap !== undefined && { configMap }),
      ...(downwardAPI !== undefined && { downwardAPI }),
    });
  }

  async #sourceFiles({ secret, configMap, downwardAPI, serviceAccountToken }: ProjectedSource): Promise<Files> {
    if (secret !== undefined) return pick(await this.#data('secrets', secret.name, secret.optional), secret.items);
    if (configMap !== undefined) {
      return pick(await this.#data('configmaps', configMap.name, configMap.optional), configMap.items);
    }
    if (downwardAPI !== undefined) {
      const items = downwardAPI.items ?? [];
      return new Map(
        items.map(({ path, fieldRef }) => [
          path,
          Buffer.from(podField(this.#pod, this.#podIP, fieldRef?.fieldPath ?? '')),
        ]),
      );
    }
    if (serviceAccountToken === undefined) throw new Error('a volume of a kind that is not supported here');
    return new Map([[serviceAccountToken.path, Buffer.from(await this.#token(serviceAccountToken))]]);
  }

  async #token({ audience, expirationSeconds }: NonNullable<ProjectedSource['serviceAccountToken']>): Promise<string> {
    const { metadata, spec } = this.#pod;
    const path = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${spec.serviceAccountName ?? 'default'}/token`;
    const { status } = await this.#api.call<{ status: { token: string } }>('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience !== undefined && { audiences: [audience] }),
        expirationSeconds: expirationSeconds ?? DEFAULT_TOKEN_SECONDS,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
      },
    });
    return status.token;
  }

  async #data(kind: DataKind, name: string, optional = false): Promise<Map<string, Buffer>> {
    const path = `/api/v1/namespaces/${this.#pod.metadata.namespace}/${kind}/${name}`;
    for (;;) {
      const { status, body } = await this.#api.request('GET', path);
      if (status === 200) return decode(kind, body as Parameters<typeof decode>[1]);
      if (status === 404 && optional) return new Map();
      await delay(RETRY_EVERY_MS, undefined, { signal: this.#signal });
    }
  }
}

/** `$(NAME)` becomes the variable's value, `$$(NAME)` the text `$(NAME)`; unknown names stay. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/(\$?)\$\((\w+)\)/g, (whole, escape: string, name: string) =>
    escape === '' ? (environment[name] ?? whole) : whole.slice(1),
  );
}

function decode(
  kind: DataKind,
  { data = {}, binaryData = {} }: { data?: Record<string, string>; binaryData?: Record<string, string> },
): Map<string, Buffer> {
  const encoded = kind === 'secrets' ? data : binaryData;
  const plain = kind === 'secrets' ? {} : data;
  return new Map([
    ...Object.entries(encoded).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
    ...Object.entries(plain).map(([key, value]) => [key, Buffer.from(value)] as const),
  ]);
}

function pick(data: Files, items: readonly KeyToPath[] | undefined): Files {
  if (items === undefined) return data;
  return new Map(items.map(({ key, path }) => [path, data.get(key) ?? Buffer.alloc(0)]));
}
