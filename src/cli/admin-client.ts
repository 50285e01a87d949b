// Asks the admin API of a running gateway. What goes wrong is told in one line, with what to do.
import type { SecretText } from '../lib/secret-text.ts';
import { CommandError, EXIT_FAILED, EXIT_USAGE } from './command.ts';

const TIMEOUT_MS = 10_000;
const ACCEPTED = 202;

export type Query = Readonly<Record<string, string | undefined>>;

export class AdminClient {
  readonly #base: URL;

  /** @param address a URL, or `host:port`. */
  constructor(address: string) {
    const base = URL.parse(address.includes('://') ? address : `http://${address}`);
    if (base === null) throw new CommandError(`--admin ${address}: not a URL`, EXIT_USAGE);
    this.#base = base;
  }

  /** The JSON of an answer with one of these statuses. */
  async get(path: string, query: Query = {}, statuses: readonly number[] = [200]): Promise<unknown> {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const { status, text } = await fetchText(url);
    if (!statuses.includes(status)) throw new CommandError(`${url.href} answered ${status}`, EXIT_FAILED);
    return jsonOf(url, text);
  }

  /** Begins what the path says. */
  async post(path: string, token: SecretText): Promise<void> {
    const url = new URL(path, this.#base);
    const headers = { authorization: `Bearer ${token.reveal()}` };
    const { status, text } = await fetchText(url, { method: 'POST', headers });
    if (status === ACCEPTED) return;
    const { message = '' } = jsonOf(url, text) as { readonly message?: string };
    throw new CommandError(`${url.href} answered ${status}: ${message}`, EXIT_FAILED);
  }
}

function jsonOf(url: URL, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${url.href} is not the admin API of Sluice`, EXIT_FAILED, { cause: error });
  }
}

async function fetchText(
  url: URL,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const message = `no answer from ${url.origin} (${failureText(error)}); is the gateway running? --admin names another address`;
    throw new CommandError(message, EXIT_FAILED, { cause: error });
  }
}

/** fetch says only that it failed; the reason is in the cause. */
function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}
