// Reads kubeconfig files: which context, its cluster, its user. Several files count as one, in which what comes first holds. What
// Sluice can't honour is refused by name rather than ignored.
import { existsSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { DEFAULT_NAMESPACE, isLoopback } from './cluster-access.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { ClusterInfo, Environment } from './exec-plugin.ts';
import { KubeconfigError, KubeconfigField } from './kubeconfig-field.ts';
import { readCertificates, textOf } from './kubeconfig-text.ts';
import type { FieldText } from './kubeconfig-text.ts';
import { userCredentials } from './kubeconfig-user.ts';

export interface KubeconfigOptions {
  /** One, or several as KUBECONFIG lists them; of several, those that are not there are passed over. */
  readonly files: readonly string[];
  /** By default the current-context of the file. */
  readonly context?: string | undefined;
  /** That of exec plugins. */
  readonly environment: Environment;
  readonly clock: Clock;
}

/** @throws KubeconfigError that names file, place and field. */
export async function loadKubeconfig(options: KubeconfigOptions): Promise<ClusterAccess> {
  const { files, environment, clock } = options;
  const present = files.length > 1 ? files.filter((file) => existsSync(file)) : files;
  if (present.length === 0) throw new KubeconfigError(`none of these files exists: ${files.join(', ')}`);
  const roots = present.map((file) => KubeconfigField.read(file));
  const name = options.context ?? currentContext(roots);
  const context = entryOf(roots, 'contexts', name);
  if (context === undefined) throw new KubeconfigError(noContext(roots, name));
  const cluster = refer(roots, context.child('cluster'), 'clusters');
  const user = context.child('user').isSet ? refer(roots, context.child('user'), 'users') : undefined;
  const authority = textOf(cluster.child('certificate-authority-data'), cluster.child('certificate-authority'));
  const access = { ...readCluster(cluster, authority), namespace: context.child('namespace').text() };
  const credentialSource = userCredentials(user, {
    authority: () => readCertificates(authority),
    cluster: clusterInfo(access, await readCertificates(authority)),
    environment,
    clock,
  });
  // A plugin is not run before it is needed; whatever else is wrong is said now.
  if (user?.child('exec').isSet !== true) await credentialSource();
  return {
    ...access,
    namespace: access.namespace ?? DEFAULT_NAMESPACE,
    credentialSource,
    origin: `context ${JSON.stringify(name)} of ${context.file}`,
  };
}

type Cluster = Pick<ClusterAccess, 'server' | 'tlsServerName' | 'skipTlsVerify'>;

function readCluster(cluster: KubeconfigField, authority: FieldText | undefined): Cluster {
  cluster.child('proxy-url').refuse('is not supported: Sluice reaches API servers directly');
  const insecure = cluster.child('insecure-skip-tls-verify');
  const skipTlsVerify = insecure.flag();
  if (skipTlsVerify && authority !== undefined) insecure.fail('contradicts the certificate-authority beside it');
  return {
    server: readServer(cluster.child('server')),
    tlsServerName: cluster.child('tls-server-name').text(),
    skipTlsVerify,
  };
}

function readServer(field: KubeconfigField): URL {
  const text = field.requiredText();
  const server = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (server === null || !/^https?:$/.test(server.protocol)) return field.fail('is not an http:// or https:// URL');
  if (server.username !== '' || server.search !== '') field.fail('holds more than a host, a port and a path');
  if (server.protocol === 'http:' && !isLoopback(server.hostname)) {
    field.fail(
      'is http://, which would show the credentials to everybody on the way; only this host may be reached so',
    );
  }
  return server;
}

function clusterInfo({ server, tlsServerName, skipTlsVerify }: Cluster, authorityPem: string | undefined): ClusterInfo {
  return {
    server: server.href,
    ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
    ...(skipTlsVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(authorityPem === undefined
      ? {}
      : { 'certificate-authority-data': Buffer.from(authorityPem).toString('base64') }),
  };
}

function currentContext(roots: readonly KubeconfigField[]): string {
  const field = roots.map((root) => root.child('current-context')).find(({ isSet }) => isSet);
  return field?.text() ?? roots[0]?.child('current-context').fail(`is missing; ${choice(roots)}`) ?? '';
}

function noContext(roots: readonly KubeconfigField[], name: string): string {
  return `${roots.map(({ file }) => file).join(', ')}: no context ${JSON.stringify(name)}; ${choice(roots)}`;
}

function choice(roots: readonly KubeconfigField[]): string {
  const names = roots.flatMap((root) => root.child('contexts').items()).map((item) => item.child('name').text());
  return names.length === 0 ? 'there are no contexts' : `choose one with --context: ${names.join(', ')}`;
}

type Section = 'contexts' | 'clusters' | 'users';
const CONTENT = { contexts: 'context', clusters: 'cluster', users: 'user' } as const;

/** The first entry of that name. */
function entryOf(roots: readonly KubeconfigField[], section: Section, name: string): KubeconfigField | undefined {
  const items = roots.flatMap((root) => root.child(section).items());
  return items.find((item) => item.child('name').text() === name)?.child(CONTENT[section]);
}

/** What a field of a context names. */
function refer(roots: readonly KubeconfigField[], field: KubeconfigField, section: Section): KubeconfigField {
  const name = field.requiredText();
  return (
    entryOf(roots, section, name) ?? field.fail(`names ${JSON.stringify(name)}, which is not among the ${section}`)
  );
}
