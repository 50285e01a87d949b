// Configuration from manifests on this machine.
import { CONTROLLER_NAME } from '../../api/condition.ts';
import type { TranslateOptions } from '../../gatewayapi/translate.ts';
import type { Logger } from '../../observability/process-log.ts';
import { createFileProvider } from '../../provider/file/file-provider.ts';
import type { FileProvider } from '../../provider/file/file-provider.ts';
import { formatFileProblem } from '../../provider/file/file-problem.ts';
import type { FileProblem } from '../../provider/file/file-problem.ts';
import type { ManifestChange } from '../../provider/file/manifest-set.ts';
import type { Change } from '../control-loop.ts';
import { hostBinding } from '../host-binding.ts';
import type { ConfigurationSource, FirstState } from './configuration-source.ts';

export interface FileSourceOptions {
  /** Files, and directories with everything below them. */
  readonly paths: readonly string[];
  readonly portOffset: number;
  readonly logger: Logger;
}

export class FileSource implements ConfigurationSource {
  readonly #logger: Logger;
  readonly #portOffset: number;
  readonly #provider: FileProvider;
  #onChange: (change: Change) => void = () => {};
  #problems: readonly FileProblem[] = [];

  constructor({ paths, portOffset, logger }: FileSourceOptions) {
    this.#logger = logger;
    this.#portOffset = portOffset;
    this.#provider = createFileProvider({ paths, logger, onChange: (change) => this.#onManifestChange(change) });
  }

  get problems(): readonly FileProblem[] {
    return this.#problems;
  }

  async start(onChange: (change: Change) => void): Promise<FirstState> {
    this.#onChange = onChange;
    const first = await this.#provider.start();
    this.#noteProblems(first);
    return first;
  }

  translation(): Omit<TranslateOptions, 'unavailablePorts'> {
    return { controllerName: CONTROLLER_NAME, binding: hostBinding(this.#portOffset) };
  }

  async stop(): Promise<void> {
    await this.#provider.close();
  }

  #onManifestChange(change: ManifestChange): void {
    this.#noteProblems(change);
    if (change.put.length > 0 || change.remove.length > 0) this.#onChange(change);
  }

  #noteProblems({ problems }: ManifestChange): void {
    const known = new Set(this.#problems.map(formatFileProblem));
    this.#problems = problems;
    for (const problem of problems) {
      const text = formatFileProblem(problem);
      if (known.has(text)) continue;
      this.#logger.warn({ file: problem.file, line: problem.line, code: problem.code }, text);
    }
  }
}
