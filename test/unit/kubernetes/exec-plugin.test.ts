// Credential plugins, as real programs: what they are told, what they may answer, and that neither silence nor noise harms.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { CredentialSource } from '../../../src/kubernetes/credentials.ts';
import { execCredentials } from '../../../src/kubernetes/exec-plugin.ts';
import { loadKubeconfig } from '../../../src/kubernetes/kubeconfig.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { TemporaryDirectory } from '../provider/file/temporary-directory.ts';

const V1 = 'client.authentication.k8s.io/v1';
const V1_BETA = 'client.authentication.k8s.io/v1beta1';

interface Plugin {
  readonly script: string;
  readonly apiVersion?: string;
  /** Further fields of `exec`. */
  readonly fields?: object;
}

/** The credentials of a user with this shell script as plugin. */
async function load(
  t: TestContext,
  { script, apiVersion = V1, fields = { interactiveMode: 'Never' } }: Plugin,
): Promise<CredentialSource> {
  const directory = new TemporaryDirectory(t);
  writeFileSync(directory.at('plugin'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const config = {
    'current-context': 'dev',
    contexts: [{ name: 'dev', context: { cluster: 'here', user: 'me' } }],
    clusters: [{ name: 'here', cluster: { server: 'https://api.test', 'tls-server-name': 'kubernetes' } }],
    users: [{ name: 'me', user: { exec: { apiVersion, command: './plugin', ...fields } } }],
  };
  writeFileSync(directory.at('config'), JSON.stringify(config));
  const environment = { PATH: process.env['PATH'], HOME: '/home/test' };
  const access = await loadKubeconfig({ files: [directory.at('config')], environment, clock: new FakeClock() });
  return access.credentialSource;
}

function printing(status: object, apiVersion = V1): string {
  return `echo '${JSON.stringify({ kind: 'ExecCredential', apiVersion, status })}'`;
}

/** A plugin whose token is what the script prints. */
const tokenOf = (script: string): string =>
  `token=$(${script} | base64 -w0); echo "{\\"kind\\":\\"ExecCredential\\",\\"apiVersion\\":\\"${V1}\\",\\"status\\":{\\"token\\":\\"$token\\"}}"`;

async function decodedToken(source: CredentialSource): Promise<string> {
  const header = (await source()).credentials.authorization?.reveal() ?? '';
  return Buffer.from(header.replace('Bearer ', ''), 'base64').toString();
}

describe('what a plugin is told', () => {
  test('its arguments and environment', async (t) => {
    const fields = {
      interactiveMode: 'IfAvailable',
      args: ['a b', '$c'],
      env: [
        { name: 'HOME', value: '/other' },
        { name: 'MINE', value: 'x' },
      ],
    };
    const source = await load(t, { script: tokenOf('echo "$1,$2,$HOME,$MINE,$(cat)"'), fields });
    assert.equal(await decodedToken(source), 'a b,$c,/other,x,\n');
  });

  test('KUBERNETES_EXEC_INFO, with the cluster only on request', async (t) => {
    const script = tokenOf('printf %s "$KUBERNETES_EXEC_INFO"');
    const plain = await load(t, { script });
    assert.deepEqual(JSON.parse(await decodedToken(plain)), {
      apiVersion: V1,
      kind: 'ExecCredential',
      spec: { interactive: false },
    });
    const told = await load(t, { script, fields: { interactiveMode: 'Never', provideClusterInfo: true } });
    const { spec } = JSON.parse(await decodedToken(told)) as { spec: { cluster: unknown } };
    assert.deepEqual(spec.cluster, { server: 'https://api.test/', 'tls-server-name': 'kubernetes' });
  });
});

describe('what a plugin answers', () => {
  for (const apiVersion of [V1, V1_BETA]) {
    test(`a token that expires, in ${apiVersion}`, async (t) => {
      const script = printing({ token: 'abc', expirationTimestamp: '2030-01-01T01:00:00Z' }, apiVersion);
      const source = await load(t, { script, apiVersion });
      const { credentials, refreshAtMs, expiresAtMs } = await source();
      assert.equal(credentials.authorization?.reveal(), 'Bearer abc');
      assert.equal(expiresAtMs, Date.UTC(2030, 0, 1, 1));
      assert.equal(refreshAtMs, expiresAtMs);
    });
  }

  test('a certificate, which is good until its end where the plugin says nothing', async (t) => {
    const authority = new CertificateAuthority();
    t.after(() => authority.remove());
    const { chain, key } = authority.issueForClient('me');
    const status = JSON.stringify({ clientCertificateData: chain, clientKeyData: key }).replaceAll('\\', '\\\\');
    const source = await load(t, {
      script: `echo '{"kind":"ExecCredential","apiVersion":"${V1}","status":${status}}'`,
    });
    const { credentials, expiresAtMs } = await source();
    assert.equal(credentials.clientCertificate?.chainPem, chain);
    assert.equal(credentials.clientCertificate?.keyPem.reveal(), key);
    assert.equal(expiresAtMs, new X509Certificate(chain).validToDate.getTime());
  });

  const refused: Readonly<Record<string, readonly [string, RegExp]>> = {
    'a failure': [
      'echo "you are not\tlogged in" >&2; exit 3',
      /plugin failed with exit code 3: you are not logged in$/,
    ],
    nothing: ['true', /printed no ExecCredential$/],
    'another version': [
      printing({ token: 'secret' }, V1_BETA),
      /printed no ExecCredential of client.authentication.k8s.io\/v1$/,
    ],
    'no credentials': [printing({}), /printed neither/],
    'a token that is none': [printing({ token: 'secret x' }), /printed a status.token that is no token$/],
    'a number': [printing({ token: 5 }), /status.token that is no text$/],
    'half a key pair': [printing({ clientCertificateData: 'secret' }), /do not belong together$/],
    'no time': [printing({ token: 'secret', expirationTimestamp: 'soon' }), /expirationTimestamp that is no time$/],
    'too much': ['yes secret | head -c 2000000', /printed more than 1048576 bytes$/],
    'death by a signal': ['kill -TERM $$', /was ended by SIGTERM$/],
  };
  for (const [name, [script, message]] of Object.entries(refused)) {
    test(`${name} is refused, and not repeated in the message`, async (t) => {
      const source = await load(t, { script });
      await assert.rejects(source(), (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });
  }

  test('a plugin that does not end is ended, with all that holds its output', async () => {
    const plugin = {
      apiVersion: V1,
      command: 'sh',
      args: ['-c', 'sleep 2 & exec sleep 2'],
      env: [],
      providesClusterInfo: false,
      installHint: undefined,
    };
    const context = {
      authority: () => Promise.resolve(undefined),
      cluster: {},
      environment: process.env,
      clock: new FakeClock(),
    };
    await assert.rejects(execCredentials(plugin, { ...context, timeoutMs: 50 })(), /sh did not end within 50 ms$/);
  });

  test('a program that is not there: the hint says how to get it', async (t) => {
    const source = await load(t, {
      script: '',
      fields: { interactiveMode: 'Never', command: 'no-such-plugin', installHint: 'install it' },
    });
    await assert.rejects(source(), /no-such-plugin is not there; install it$/);
  });
});

describe('what a configuration may not ask', () => {
  for (const [name, plugin, message] of [
    [
      'an unknown version',
      { script: '', apiVersion: 'client.authentication.k8s.io/v1alpha1' },
      /users\[0\]\.user\.exec\.apiVersion is not one of/,
    ],
    ['a terminal', { script: '', fields: { interactiveMode: 'Always' } }, /interactiveMode is Always/],
    ['v1 without interactiveMode', { script: '', fields: {} }, /interactiveMode is missing/],
    ['an odd interactiveMode', { script: '', fields: { interactiveMode: 'never' } }, /is none of Never/],
    ['no command', { script: '', fields: { interactiveMode: 'Never', command: '' } }, /command is missing/],
  ] as const) {
    test(name, async (t) => {
      await assert.rejects(load(t, plugin), message);
    });
  }
});
