// Where the socket between control and workers is: a directory that only this user can enter, of this supervisor alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What fits into the address of a Unix socket. */
const MAX_SOCKET_PATH_BYTES = 107;
const SOCKET_NAME = 'control.sock';
/** As mkdtemp fills it in. */
const TEMPLATE = 'sluice-run-XXXXXX';
const SHORT_PARENT = '/tmp';

export class PrivateDirectory {
  readonly #path: string;

  /** @throws a system error where it can't be made. */
  constructor(parent: string = process.env['XDG_RUNTIME_DIR'] ?? tmpdir()) {
    const isShort = Buffer.byteLength(join(parent, TEMPLATE, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES;
    // With mode 0700.
    this.#path = mkdtempSync(join(isShort ? parent : SHORT_PARENT, 'sluice-run-'));
  }

  get socketPath(): string {
    return join(this.#path, SOCKET_NAME);
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}
