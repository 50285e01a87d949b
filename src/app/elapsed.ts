// Waiting for a time that comes from the configuration, however long it is.

/** What setTimeout takes; beyond it, it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after the time, or as soon as `signal` is aborted. */
export async function elapsed(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
  signal?.addEventListener('abort', () => resolve(), { once: true });
  if (signal?.aborted === true) resolve();
  await promise;
  clearTimeout(timer);
}
