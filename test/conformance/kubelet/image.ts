// What takes the place of a container image: files and folders of this machine that make up a root file system, and a program to run in it.
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Image {
  /** What runs when the container names no command. */
  readonly entrypoint: readonly string[];
  /** Path inside → file or folder outside. */
  readonly mounts: Readonly<Record<string, string>>;
}

/** By the last part of the image's name, without tag and digest. */
export type Images = Readonly<Record<string, Image>>;

export function imageNamed(images: Images, reference: string): Image | undefined {
  const name = /([^/:@]+)(?::[^/@]*)?(?:@.*)?$/.exec(reference)?.[1] ?? '';
  return images[name];
}

/** Gives the shell commands that complete the root in a mount namespace of the container's own. */
export function prepareRoot(root: string, image: Image, volumes: Readonly<Record<string, string>>): string[] {
  mkdirSync(join(root, 'tmp'), { recursive: true });
  return Object.entries({ ...image.mounts, ...volumes }).map(([inside, outside]) => {
    const target = join(root, inside);
    if (statSync(outside).isDirectory()) {
      mkdirSync(target, { recursive: true });
    } else if (!existsSync(target)) {
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, '');
    }
    return `mount --rbind ${quote(outside)} ${quote(target)}`;
  });
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
