// How a gateway of several processes begins: the command has read the configuration and gives way to the supervisor, which needs none of
// what was loaded for that. Process id, standard streams and working directory stay.
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/config.ts';

/** What a supervisor has to know; plain data. */
export interface Launch {
  readonly config: Config;
  readonly version: string;
  /** Files that Node runs. */
  readonly entries: { readonly supervisor: string; readonly control: string; readonly worker: string };
  /** The command that made this, to be run once more for an upgrade. */
  readonly command: readonly string[];
}

const LAUNCH_VARIABLE = 'SLUICE_LAUNCH';
/** Set by a supervisor that asks a newer program for its launch instead of letting it run. */
export const PRINT_VARIABLE = 'SLUICE_PRINT_LAUNCH';
/** Set for a supervisor that takes over from another one. */
const SUCCESSOR_VARIABLE = 'SLUICE_SUCCESSOR';

/** @param controlEntry describes itself to people, so it is not for this layer to know */
export function createLaunch(config: Config, version: string, controlEntry: string): Launch {
  return {
    config,
    version,
    entries: {
      supervisor: entry('./supervisor-process.ts'),
      control: controlEntry,
      worker: entry('../worker/worker-process.ts'),
    },
    command: process.argv.slice(1),
  };
}

/** Whether only the launch is wanted. */
export function isLaunchAsked(): boolean {
  return process.env[PRINT_VARIABLE] !== undefined;
}

/** Does not return, where the launch is not all that is wanted. */
export function launchSupervisor(launch: Launch): void {
  const text = JSON.stringify(launch);
  if (isLaunchAsked()) {
    process.stdout.write(text);
    return;
  }
  if (process.execve === undefined) throw new Error('several processes need a system with execve');
  const environment = { ...process.env, [LAUNCH_VARIABLE]: text };
  process.execve(process.execPath, [process.execPath, ...process.execArgv, launch.entries.supervisor], environment);
}

export function successorEnvironment(launch: Launch): Readonly<Record<string, string>> {
  return { [LAUNCH_VARIABLE]: JSON.stringify(launch), [SUCCESSOR_VARIABLE]: '1' };
}

/** Takes them out of the environment, so that children don't inherit them. */
export function takeLaunch(): { readonly launch: Launch; readonly isSuccessor: boolean } {
  const text = process.env[LAUNCH_VARIABLE];
  if (text === undefined) throw new Error(`${LAUNCH_VARIABLE} is missing: only \`sluice run\` starts this`);
  const isSuccessor = process.env[SUCCESSOR_VARIABLE] !== undefined;
  delete process.env[LAUNCH_VARIABLE];
  delete process.env[SUCCESSOR_VARIABLE];
  return { launch: JSON.parse(text) as Launch, isSuccessor };
}

/** Run from source, an entry is source too; built, it is JavaScript. */
function entry(source: string): string {
  return fileURLToPath(new URL(source, import.meta.url).href.replace(/\.ts$/, extname(import.meta.url)));
}
