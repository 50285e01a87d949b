// Files that change all the time: ten times a second one route and one slice of five endpoints.
import { CHURNED_ROUTES, CHURNED_SLICES } from './manifests.ts';
import type { Manifests } from './manifests.ts';

const PERIOD_MS = 100;

export function startChurn(manifests: Manifests): Disposable {
  let changes = 0;
  const timer = setInterval(() => {
    changes++;
    manifests.churnRoute(changes % CHURNED_ROUTES, changes);
    manifests.churnEndpoints(changes % CHURNED_SLICES, changes);
  }, PERIOD_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
