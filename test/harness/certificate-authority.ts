// A certificate authority of a test's own, by openssl in a folder that goes with it. Its certificates are valid for two days.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface KeyPair {
  /** Leaf first. */
  readonly chain: string;
  readonly key: string;
}

export class CertificateAuthority {
  /** What a client must trust. */
  readonly pem: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-ca-'));
  #issued = 0;

  constructor() {
    this.#openssl(`req -x509 ${newKey('ca')} -out ca.pem -days 2 -subj /CN=authority`);
    this.pem = this.#read('ca.pem');
  }

  /** For these DNS names, wildcards among them. */
  issue(...names: readonly string[]): KeyPair {
    return this.#issue(names, 'serverAuth');
  }

  /** What a client shows, and no server. */
  issueForClient(...names: readonly string[]): KeyPair {
    return this.#issue(names, 'clientAuth');
  }

  /** As `issueForClient`, and over since yesterday. */
  issueExpiredForClient(...names: readonly string[]): KeyPair {
    return this.#issue(names, 'clientAuth', -1);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #issue(names: readonly string[], usage: 'clientAuth' | 'serverAuth', days = 2): KeyPair {
    const file = `leaf-${this.#issued++}`;
    writeFileSync(
      join(this.#folder, `${file}.ext`),
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\nextendedKeyUsage=${usage}\n`,
    );
    this.#openssl(`req ${newKey(file)} -out ${file}.csr -subj /CN=${file}`);
    this.#openssl(
      `x509 -req -in ${file}.csr -CA ca.pem -CAkey ca.key -days ${days} -set_serial ${this.#issued} -extfile ${file}.ext -out ${file}.pem`,
    );
    return { chain: this.#read(`${file}.pem`), key: this.#read(`${file}.key`) };
  }

  #openssl(command: string): void {
    execFileSync('openssl', command.split(' '), { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }
}

function newKey(file: string): string {
  return `-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${file}.key`;
}
