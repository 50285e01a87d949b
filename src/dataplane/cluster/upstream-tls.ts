// TLS towards the endpoints of one cluster: always verified, by CA and by name, and with one certificate of ours or none.
import { checkServerIdentity, createSecureContext } from 'node:tls';
import type { PeerCertificate, SecureContext } from 'node:tls';
import type { SubjectAltName, UpstreamTls } from '../../ir/cluster.ts';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import type { DialerTls } from './pool/dialer.ts';

export class UpstreamTlsContexts {
  readonly #config: UpstreamTls;
  readonly #anonymous: SecureContext;
  /** By what we present; they go with the certificates. */
  readonly #identified = new WeakMap<RuntimeCertificate, SecureContext>();

  /** @throws Error when OpenSSL refuses the bundle of CAs. */
  constructor(config: UpstreamTls) {
    this.#config = config;
    this.#anonymous = createContext(config, undefined);
  }

  /** For connections that present this certificate where they are asked for one. */
  dialerTls(certificate: RuntimeCertificate | undefined): DialerTls {
    const { serverName, subjectAltNames } = this.#config;
    return {
      serverName,
      secureContext: certificate === undefined ? this.#anonymous : this.#identifiedBy(certificate),
      checkServerIdentity: (_host, peer) =>
        subjectAltNames === undefined ? checkServerIdentity(serverName, peer) : checkNames(subjectAltNames, peer),
    };
  }

  #identifiedBy(certificate: RuntimeCertificate): SecureContext {
    let context = this.#identified.get(certificate);
    if (context === undefined) {
      context = createContext(this.#config, certificate);
      this.#identified.set(certificate, context);
    }
    return context;
  }
}

function createContext({ caPem }: UpstreamTls, certificate: RuntimeCertificate | undefined): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(caPem === undefined ? {} : { ca: caPem }),
    ...(certificate === undefined
      ? {}
      : { cert: certificate.config.chainPem, key: certificate.config.privateKeyPem.reveal() }),
  });
}

/** Why the peer has none of these names; undefined where it has one. Its common name does not count. */
export function checkNames(names: readonly SubjectAltName[], peer: PeerCertificate): Error | undefined {
  const uris = subjectUris(peer.subjectaltname ?? '');
  const withoutCommonName = { ...peer, subject: {} } as PeerCertificate;
  const isNamed = names.some(({ type, value }) =>
    type === 'uri' ? uris.includes(value) : checkServerIdentity(value, withoutCommonName) === undefined,
  );
  if (isNamed) return undefined;
  return new Error(`the certificate has none of the names ${names.map(({ value }) => value).join(', ')}`);
}

/**
 * The URIs in the text that Node makes of a subjectAltName. A value that could be mistaken for several stands there as a JSON string:
 * `DNS:"a, URI:b"` holds no URI.
 */
function subjectUris(text: string): string[] {
  const uris: string[] = [];
  for (const [, type, quoted, plain] of text.matchAll(/([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g)) {
    if (type !== 'URI') continue;
    uris.push(quoted === undefined ? (plain as string) : (JSON.parse(quoted) as string));
  }
  return uris;
}
