// Loads modules of the product: SLUICE_TEST_SOURCE names another copy of src/, which is how broken copies are tested.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function loadSource<T>(path: string): Promise<T> {
  const source = resolve(process.env['SLUICE_TEST_SOURCE'] ?? 'src', path);
  return (await import(pathToFileURL(source).href)) as T;
}
