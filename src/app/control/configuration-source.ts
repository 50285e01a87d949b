// Where a gateway's configuration comes from, files or an API server, as control sees it.
import type { KubernetesObject } from '../../api/object.ts';
import type { Memo } from '../../gatewayapi/memo.ts';
import type { TranslateOptions, Translation } from '../../gatewayapi/translate.ts';
import type { FileProblem } from '../../provider/file/file-problem.ts';
import type { Change } from '../control-loop.ts';
import type { ObjectCounts } from '../object-count.ts';

export interface FirstState {
  readonly put: readonly KubernetesObject[];
  /** Objects of kinds that are none of ours. */
  readonly skipped: ObjectCounts;
}

export interface ConfigurationSource {
  /** Of files: what keeps objects out. */
  readonly problems: readonly FileProblem[];
  /** Resolves with what there is; from then on, `onChange` is told what changes. */
  start(onChange: (change: Change) => void): Promise<FirstState>;
  /** What the translator has to know beside the objects. */
  translation(): Omit<TranslateOptions, 'unavailablePorts'>;
  /** Fetches what a translation asked for; it comes by `onChange`. */
  demand?(memo: Memo): Promise<void>;
  /** This is served now. */
  onServed?(translation: Translation): void;
  /** Follows no changes any more. */
  stop(): Promise<void>;
}
