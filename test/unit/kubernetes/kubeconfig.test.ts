// What a kubeconfig says is understood as kubectl understands it; what is wrong in it is named by file, line, column and field.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import { FILE_REFRESH_MS } from '../../../src/kubernetes/credentials.ts';
import type { ClusterAccess } from '../../../src/kubernetes/cluster-access.ts';
import { loadKubeconfig } from '../../../src/kubernetes/kubeconfig.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { TemporaryDirectory } from '../provider/file/temporary-directory.ts';

const authority = new CertificateAuthority();
const client = authority.issueForClient('me');
const other = authority.issueForClient('other');
after(() => authority.remove());

const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Parts {
  readonly cluster?: string;
  readonly user?: string;
  readonly context?: string;
}

/** One cluster, user and context; fields of each are lines. */
function kubeconfig({
  cluster = 'server: https://api.test:6443',
  user = 'token: secret-token',
  context = '',
}: Parts): string {
  const block = (lines: string): string =>
    lines
      .split('\n')
      .map((line) => `      ${line}\n`)
      .join('');
  return `apiVersion: v1
kind: Config
preferences: {}
current-context: dev
contexts:
  - name: dev
    context:
      cluster: here
      user: me
${block(context)}clusters:
  - name: here
    cluster:
${block(cluster)}users:
  - name: me
    user:
${block(user)}`;
}

interface Loaded {
  readonly directory: TemporaryDirectory;
  readonly file: string;
  readonly load: (context?: string) => Promise<ClusterAccess>;
}

function write(t: TestContext, text: string): Loaded {
  const directory = new TemporaryDirectory(t);
  const file = directory.at('config');
  writeFileSync(file, text);
  const load = (context?: string): Promise<ClusterAccess> =>
    loadKubeconfig({ files: [file], context, environment: {}, clock: new FakeClock() });
  return { directory, file, load };
}

async function credentialsOf(access: ClusterAccess): Promise<string | undefined> {
  return (await access.credentialSource()).credentials.authorization?.reveal();
}

test('server, token and namespace of the current context', async (t) => {
  const { load, file } = write(t, kubeconfig({ context: 'namespace: shop' }));
  const access = await load();
  assert.equal(access.server.href, 'https://api.test:6443/');
  assert.equal(access.namespace, 'shop');
  assert.equal(access.skipTlsVerify, false);
  assert.equal(access.origin, `context "dev" of ${file}`);
  const { credentials } = await access.credentialSource();
  assert.equal(credentials.authorization?.reveal(), 'Bearer secret-token');
  assert.doesNotMatch(`${inspect(credentials, { depth: 9 })}${JSON.stringify(credentials)}`, /secret-token/);
});

test('another context by its name, over several files of which the first counts most', async (t) => {
  const directory = new TemporaryDirectory(t);
  const files = [directory.at('missing'), directory.at('one'), directory.at('two')];
  writeFileSync(
    files[1] ?? '',
    'contexts: [{name: prod, context: {cluster: far, user: bot}}]\nusers: [{name: bot, user: {token: first}}]\n',
  );
  writeFileSync(
    files[2] ?? '',
    'clusters: [{name: far, cluster: {server: "https://far.test"}}]\nusers: [{name: bot, user: {token: second}}]\n',
  );
  const access = await loadKubeconfig({ files, context: 'prod', environment: {}, clock: new FakeClock() });
  assert.equal(access.server.hostname, 'far.test');
  assert.equal(await credentialsOf(access), 'Bearer first');
});

test('certificates in the file, and in files beside it', async (t) => {
  const inline = write(
    t,
    kubeconfig({
      cluster: `server: https://api.test\ntls-server-name: kubernetes\ncertificate-authority-data: ${base64(authority.pem)}`,
      user: `client-certificate-data: ${base64(client.chain)}\nclient-key-data: ${base64(client.key)}`,
    }),
  );
  const beside = write(
    t,
    kubeconfig({
      cluster: 'server: https://api.test\ncertificate-authority: ca.pem',
      user: 'client-certificate: me.pem\nclient-key: ./me.key',
    }),
  );
  writeFileSync(beside.directory.at('ca.pem'), authority.pem);
  writeFileSync(beside.directory.at('me.pem'), client.chain);
  writeFileSync(beside.directory.at('me.key'), client.key);
  assert.equal((await inline.load()).tlsServerName, 'kubernetes');
  for (const { load } of [inline, beside]) {
    const { credentials } = await (await load()).credentialSource();
    assert.equal(credentials.authorityPem, authority.pem);
    assert.equal(credentials.clientCertificate?.chainPem, client.chain);
    assert.equal(credentials.clientCertificate?.keyPem.reveal(), client.key);
    assert.doesNotMatch(inspect(credentials, { depth: 9 }), /PRIVATE KEY/);
  }
});

test('a token file is read again, and counts more than a token', async (t) => {
  const { directory, load } = write(t, kubeconfig({ user: 'tokenFile: token\ntoken: other' }));
  writeFileSync(directory.at('token'), 'one\n');
  const access = await load();
  const issued = await access.credentialSource();
  assert.equal(issued.credentials.authorization?.reveal(), 'Bearer one');
  assert.equal(issued.refreshAtMs, new FakeClock().dateMs() + FILE_REFRESH_MS);
  writeFileSync(directory.at('token'), 'two');
  assert.equal(await credentialsOf(access), 'Bearer two');
});

test('name and password, or nobody', async (t) => {
  const basic = write(t, kubeconfig({ user: 'username: me\npassword: p:w' }));
  assert.equal(await credentialsOf(await basic.load()), `Basic ${base64('me:p:w')}`);
  const anonymous = write(t, kubeconfig({ user: 'token: ""' }));
  assert.equal(await credentialsOf(await anonymous.load()), undefined);
});

describe('what is wrong is said, with its place', () => {
  const wrong: Readonly<Record<string, readonly [Parts, RegExp]>> = {
    'proxy-url': [
      { cluster: 'server: https://a\nproxy-url: http://p' },
      /config:15:7: clusters\[0\]\.cluster\.proxy-url is not supported/,
    ],
    'no server': [
      { cluster: 'insecure-skip-tls-verify: true' },
      /config:13:5: clusters\[0\]\.cluster\.server is missing/,
    ],
    'no URL': [{ cluster: 'server: ftp://a' }, /:14:7: .*server is not an http:/],
    'http:// beyond this host': [
      { cluster: 'server: http://10.0.0.1:80' },
      /:14:7: .*server is http:\/\/, which would show/,
    ],
    'a password in the URL': [{ cluster: 'server: https://a:hush@b' }, /server holds more than a host/],
    'no certificate': [
      { cluster: `server: https://a\ncertificate-authority-data: ${base64('nothing')}` },
      /:15:7: .*holds no certificate/,
    ],
    'no base64': [{ cluster: 'server: https://a\ncertificate-authority-data: "-----"' }, /:15:7: .*is not base64/],
    'a missing file': [
      { cluster: 'server: https://a\ncertificate-authority: ca.pem' },
      /:15:7: .*certificate-authority names a file: .*ca\.pem cannot be read \(ENOENT\)/,
    ],
    'checked and not checked': [
      {
        cluster: `server: https://a\ninsecure-skip-tls-verify: true\ncertificate-authority-data: ${base64(authority.pem)}`,
      },
      /:15:7: .*insecure-skip-tls-verify contradicts/,
    ],
    'a flag that is none': [{ cluster: 'server: https://a\ninsecure-skip-tls-verify: "yes"' }, /is not true or false/],
    'a number for a token': [
      { user: 'token: 12345' },
      /:18:7: users\[0\]\.user\.token is not a text; put it in quotes/,
    ],
    'a token with a line end in it': [{ user: 'token: "a\\nb"' }, /token holds no token/],
    'a certificate without key': [{ user: `client-certificate-data: ${base64(client.chain)}` }, /has no client-key/],
    'a key without certificate': [{ user: `client-key-data: ${base64(client.key)}` }, /has no client-certificate/],
    'the key of another certificate': [
      { user: `client-certificate-data: ${base64(client.chain)}\nclient-key-data: ${base64(other.key)}` },
      /:19:7: .*client-key-data holds no private key in PEM that belongs/,
    ],
    'auth-provider': [{ user: 'auth-provider: {name: gcp}' }, /users\[0\]\.user\.auth-provider is not supported/],
    impersonation: [{ user: 'token: a\nas: root' }, /user\.as is not supported/],
    'another cluster': [{ context: 'cluster: there' }, /the key "cluster" occurs twice/],
    'a colon in a name': [{ user: 'username: a:b' }, /cannot hold a colon/],
  };
  for (const [name, [parts, message]] of Object.entries(wrong)) {
    test(name, async (t) => {
      const { load } = write(t, kubeconfig(parts));
      await assert.rejects(load(), (error: Error) => {
        assert.equal(error.name, 'KubeconfigError');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hush|12345|BEGIN/);
        return true;
      });
    });
  }

  for (const [name, text, message] of [
    ['no YAML', 'a: [', /config:1:5: /],
    ['nothing', '\n', /config: is empty/],
    ['a list', '- a', /config:1:1: is not a mapping/],
    [
      'no context chosen',
      'contexts: [{name: a, context: {}}, {name: b, context: {}}]',
      /config:1:1: current-context is missing; choose one with --context: a, b/,
    ],
    [
      'no such cluster',
      'current-context: a\ncontexts: [{name: a, context: {cluster: x}}]',
      /:2:32: contexts\[0\]\.context\.cluster names "x", which is not among the clusters/,
    ],
    [
      'clusters that are no list',
      'current-context: a\ncontexts: [{name: a, context: {cluster: x}}]\nclusters: {}',
      /:3:1: clusters is not a list/,
    ],
  ] as const) {
    test(name, async (t) => {
      const { load } = write(t, text);
      await assert.rejects(load(), message);
    });
  }

  test('no such context', async (t) => {
    const { load } = write(t, kubeconfig({}));
    await assert.rejects(load('prod'), /config: no context "prod"; choose one with --context: dev/);
  });

  test('no such file', async () => {
    const options = { environment: {}, clock: new FakeClock() };
    await assert.rejects(
      loadKubeconfig({ files: ['/nowhere/config'], ...options }),
      /\/nowhere\/config: cannot be read \(ENOENT\)/,
    );
    await assert.rejects(
      loadKubeconfig({ files: ['/nowhere/a', '/nowhere/b'], ...options }),
      /none of these files exists/,
    );
  });
});
