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

const validator = createValidator();

parentPort?.on('message', ({ file, fingerprint }: ReadRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  parentPort?.postMessage(readManifestFile(file, fingerprint, validator));
});
