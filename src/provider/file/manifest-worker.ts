// The thread that reads manifest files, one after the other: what it used is given back when it ends, and a file on which it fails
// takes nothing else down. An entry point: Node starts it by itself.
import { parentPort } from 'node:worker_threads';
import { createValidator } from '../../validation/validator.ts';
import { readManifestFile } from './manifest-file.ts';

export interface ReadRequest {
  readonly file: string;
  /** Of the bytes that were read last. */
  readonly fingerprint: string | undefined;
}

// The YAML parser looks into the environment for each token; asking the system so often takes a fifth of the time.
process.env = {};
// A broken file can have a million errors, of which the first one is shown.
Error.stackTraceLimit = 0;

const validator = createValidator();

parentPort?.on('message', ({ file, fingerprint }: ReadRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage(readManifestFile(file, fingerprint, validator));
});
