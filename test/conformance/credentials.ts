// The cluster's certificate authority and what it signs, made anew for every run by openssl. Everything is valid for two days.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface KeyPairFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  /** The user's name, for clients. */
  readonly commonName: string;
  /** The user's group. */
  readonly organization?: string;
  /** As openssl writes them: "IP:127.0.0.1", "DNS:localhost". */
  readonly names?: readonly string[];
}

export class Credentials {
  readonly authority: KeyPairFiles;
  /** Signs the tokens of ServiceAccounts. */
  readonly tokenKey: string;
  /** Verifies them. */
  readonly tokenPublicKey: string;
  readonly #folder: string;
  #issued = 0;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#openssl(`req -x509 ${newKey('authority')} -out authority.pem -days 2 -subj /CN=conformance-rig`);
    this.authority = this.#files('authority');
    this.#openssl('genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out token.key');
    this.#openssl('pkey -in token.key -pubout -out token.pub');
    this.tokenKey = join(folder, 'token.key');
    this.tokenPublicKey = join(folder, 'token.pub');
  }

  issue(file: string, { commonName, organization, names = [] }: Subject): KeyPairFiles {
    const subject = `${organization === undefined ? '' : `/O=${organization}`}/CN=${commonName}`;
    const extensions = ['extendedKeyUsage=serverAuth,clientAuth'];
    if (names.length > 0) extensions.push(`subjectAltName=${names.join(',')}`);
    writeFileSync(join(this.#folder, `${file}.ext`), `${extensions.join('\n')}\n`);
    this.#openssl(`req ${newKey(file)} -out ${file}.csr -subj ${subject}`);
    const serial = (this.#issued += 1);
    this.#openssl(
      `x509 -req -in ${file}.csr -CA authority.pem -CAkey authority.key -set_serial ${serial} -days 2 -extfile ${file}.ext -out ${file}.pem`,
    );
    return this.#files(file);
  }

  #files(file: string): KeyPairFiles {
    return { certificate: join(this.#folder, `${file}.pem`), key: join(this.#folder, `${file}.key`) };
  }

  #openssl(command: string): void {
    execFileSync('openssl', command.split(' '), { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

/** Who a kubeconfig speaks for. */
export type Identity = KeyPairFiles | { readonly token: string };

/** The text of a kubeconfig with one context, and everything inline. */
export function kubeconfigFor(server: string, authority: string, identity: Identity, namespace = 'default'): string {
  const user =
    'token' in identity
      ? [`token: ${identity.token}`]
      : [`client-certificate-data: ${base64(identity.certificate)}`, `client-key-data: ${base64(identity.key)}`];
  return `apiVersion: v1
kind: Config
current-context: conformance
contexts:
  - name: conformance
    context: { cluster: conformance, user: conformance, namespace: ${namespace} }
clusters:
  - name: conformance
    cluster:
      server: ${server}
      certificate-authority-data: ${base64(authority)}
users:
  - name: conformance
    user:
      ${user.join('\n      ')}
`;
}

function base64(path: string): string {
  return readFileSync(path).toString('base64');
}

function newKey(file: string): string {
  return `-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${file}.key`;
}
