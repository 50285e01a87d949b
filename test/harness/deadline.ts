// Waiting for a condition that events re-check, with a bound: no test sleeps, and none hangs.

/** SLUICE_TEST_BOUND_MS shortens it where failures are expected. */
export const DEFAULT_BOUND_MS: number = Number(process.env['SLUICE_TEST_BOUND_MS'] ?? 5_000);

/** Conditions that tests wait for, re-checked whenever the owner says that something happened. */
export class Conditions {
  readonly #checks = new Set<() => void>();

  /** Something happened. */
  changed(): void {
    for (const check of this.#checks) check();
  }

  /** Resolves with what `probe` gives, as soon as that is not undefined. @throws Error naming `what` after the bound. */
  until<T>(what: string, probe: () => T | undefined, boundMs: number = DEFAULT_BOUND_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`not within ${boundMs} ms: ${what}`));
      }, boundMs);
      const check = (): void => {
        try {
          const value = probe();
          if (value === undefined) return;
          finish();
          resolve(value);
        } catch (error) {
          finish();
          reject(error);
        }
      };
      this.#checks.add(check);
      check();
    });
  }
}
