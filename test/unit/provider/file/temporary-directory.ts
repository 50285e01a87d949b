// A directory of its own for a test, removed when the test ends.
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

export class TemporaryDirectory {
  readonly path: string;

  constructor(t: TestContext) {
    this.path = mkdtempSync(join(tmpdir(), 'sluice-'));
    t.after(() => rmSync(this.path, { recursive: true, force: true }));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes files, by name; directories are made as needed. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.at(name)), { recursive: true });
      writeFileSync(this.at(name), text);
    }
  }

  /** As editors do: a file beside it that takes its place. */
  replace(name: string, text: string): void {
    this.write({ [`${name}.new`]: text });
    this.rename(`${name}.new`, name);
  }

  link(target: string, name: string): void {
    symlinkSync(target, this.at(name));
  }

  rename(from: string, to: string): void {
    renameSync(this.at(from), this.at(to));
  }

  remove(name: string): void {
    rmSync(this.at(name), { recursive: true });
  }

  chmod(name: string, mode: number): void {
    chmodSync(this.at(name), mode);
  }

  makeDirectory(name: string): void {
    mkdirSync(this.at(name), { recursive: true });
  }
}
