// What a client shows to the API server and what it trusts, and how long that may be used: files are read again each minute, as
// projected tokens rotate; plugins say how long theirs is good; both are asked anew when the server refuses what they gave.
import type { SecretText } from '../lib/secret-text.ts';
import { ApiError } from './api-error.ts';
import type { Clock } from './clock.ts';

export interface Credentials {
  /** Value of the header field Authorization. */
  readonly authorization?: SecretText | undefined;
  readonly clientCertificate?: ClientCertificate | undefined;
  /** What the server's certificate is checked against; absent: what the system trusts. */
  readonly authorityPem?: string | undefined;
}

export interface ClientCertificate {
  readonly chainPem: string;
  readonly keyPem: SecretText;
}

export interface IssuedCredentials {
  readonly credentials: Credentials;
  /** On the clock's dateMs: from then on newer ones are asked for … */
  readonly refreshAtMs: number;
  /** … and from then on these are of no use. */
  readonly expiresAtMs: number;
}

/** Gets credentials from where they come from. Rejects with an error whose message says what failed. */
export type CredentialSource = () => Promise<IssuedCredentials>;

export const FILE_REFRESH_MS = 60_000;
/** A source is asked at most this often, whatever the server says of what it gave. */
export const MIN_RENEWAL_MS = 1_000;

export class CredentialCache {
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  #issued: IssuedCredentials | undefined = undefined;
  #failure: ApiError | undefined = undefined;
  #askedAtMs = -Infinity;
  #asking: Promise<void> | undefined = undefined;

  constructor(source: CredentialSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** What the next request carries. @throws ApiError `credentials` when there are none. */
  async current(): Promise<Credentials> {
    if (this.#issued === undefined || this.#clock.dateMs() >= this.#issued.refreshAtMs) await this.#ask();
    // One that could not be refreshed is used for as long as it is good.
    if (this.#issued !== undefined && this.#clock.dateMs() < this.#issued.expiresAtMs) return this.#issued.credentials;
    throw this.#failure ?? new ApiError('credentials', 'the credentials have expired');
  }

  /** The server refused these. Returns others, or the same ones when there are no others. */
  async renew(refused: Credentials): Promise<Credentials> {
    if (this.#issued?.credentials === refused) await this.#ask();
    return this.current();
  }

  #ask(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking;
    if (this.#clock.nowMs() - this.#askedAtMs < MIN_RENEWAL_MS) return Promise.resolve();
    this.#askedAtMs = this.#clock.nowMs();
    this.#asking = this.#askSource().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #askSource(): Promise<void> {
    try {
      this.#issued = await this.#source();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = new ApiError('credentials', error instanceof Error ? error.message : String(error));
    }
  }
}
