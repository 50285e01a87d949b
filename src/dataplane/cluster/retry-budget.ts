// How many of a cluster's requests may be retries: when much fails, retries must not be what keeps it failing.

/** Of all requests of a cluster, such a share may be retries at the same time. */
const MAX_RETRY_SHARE = 0.2;
/** A few are always allowed: a share of nearly nothing is nothing. */
const MIN_RETRIES = 3;

/** One for each cluster. */
export class RetryBudget {
  #requests = 0;
  #retries = 0;

  begin(): void {
    this.#requests++;
  }

  /** @param retries what was granted to it */
  end(retries: number): void {
    this.#requests--;
    this.#retries -= retries;
  }

  /** Returns whether there is room for one more; it is taken then. */
  takeRetry(): boolean {
    if (this.#retries >= Math.max(MIN_RETRIES, MAX_RETRY_SHARE * this.#requests)) return false;
    this.#retries++;
    return true;
  }
}
