// An authority of its own for each test, and server certificates from it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import type { KeyPair } from './manifests.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const DAYS = '7';

export class CertificateAuthority {
  readonly #directory: TemporaryDirectory;

  constructor(directory: TemporaryDirectory) {
    this.#directory = directory;
    directory.makeDirectory('authority');
    this.#openssl(['req', '-x509', '-days', DAYS, ...NEW_KEY, '-subj', '/CN=authority', ...this.#files('ca')]);
  }

  /** Path of its own certificate. */
  get path(): string {
    return this.#at('ca.crt');
  }

  get pem(): string {
    return readFileSync(this.path, 'utf8');
  }

  /** A new key and certificate, each time. */
  issue(serverName: string): KeyPair {
    const issuer = ['-CA', this.path, '-CAkey', this.#at('ca.key')];
    const name = ['-subj', `/CN=${serverName}`, '-addext', `subjectAltName=DNS:${serverName}`];
    const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
    this.#openssl(['req', '-x509', '-days', DAYS, ...NEW_KEY, ...issuer, ...name, ...leaf, ...this.#files('leaf')]);
    return { certificate: readFileSync(this.#at('leaf.crt'), 'utf8'), key: readFileSync(this.#at('leaf.key'), 'utf8') };
  }

  #files(name: string): string[] {
    return ['-keyout', this.#at(`${name}.key`), '-out', this.#at(`${name}.crt`)];
  }

  #at(name: string): string {
    return this.#directory.at(`authority/${name}`);
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
