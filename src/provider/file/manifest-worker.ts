// The process that reads manifest files, one after the other: what it used is given back when it ends, and a file on which it fails
// takes nothing else down. An entry point: it is forked.
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

// A Ctrl-C at the terminal is for the gateway; this process ends with it, when the channel closes.
process.on('SIGINT', () => {});
process.on('message', ({ file, fingerprint }: ReadRequest) => {
  process.send?.(readManifestFile(file, fingerprint, validator));
});
