// The curl of this machine, without the settings of its user.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findCommand } from '../requirements.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const SETTINGS = ['-q', '--silent', '--show-error', '--noproxy', '*', '--max-time', '60'];
const run = promisify(execFile);

export interface CurlResult {
  readonly output: Buffer;
  /** What `--verbose` tells. */
  readonly errors: string;
}

/** @throws where curl ends with anything but 0; the error's `code` is curl's. */
export async function curl(...args: readonly string[]): Promise<CurlResult> {
  const command = findCommand('curl') ?? 'curl';
  const { stdout, stderr } = await run(command, [...SETTINGS, ...args], {
    encoding: 'buffer',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return { output: stdout, errors: stderr.toString() };
}

/** The exit code of a curl that is expected to fail. */
export async function curlFailure(...args: readonly string[]): Promise<number> {
  return await curl(...args).then(
    ({ output }) => {
      throw new Error(`curl did not fail: ${output.subarray(0, 1_000).toString()}`);
    },
    (error: unknown) => Number((error as { readonly code?: unknown }).code),
  );
}
