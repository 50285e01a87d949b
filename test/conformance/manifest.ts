// Manifests as texts. The API server parses them; here only what names an object is read: apiVersion, kind, name and namespace, written in
// block style as all generators do.
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly text: string;
}

/** @throws Error for a document that names no object. */
export function splitManifests(text: string): Manifest[] {
  return text
    .split(/^---.*$/m)
    .filter((document) => /^[^#\s]/m.test(document))
    .map(readManifest);
}

function readManifest(text: string): Manifest {
  // Up to the next line that is not indented.
  const metadata = /^metadata:\s*\n((?:[ \t].*\n?|\s*\n|#.*\n)*)/m.exec(text)?.[1] ?? '';
  const apiVersion = scalar(text, '', 'apiVersion');
  const kind = scalar(text, '', 'kind');
  const indentation = /^[ \t]+(?=\w)/m.exec(metadata)?.[0] ?? '  ';
  const name = scalar(metadata, indentation, 'name');
  if (apiVersion === undefined || kind === undefined || name === undefined) {
    throw new Error(`a document without apiVersion, kind or name:\n${text.trim().slice(0, 200)}`);
  }
  return { apiVersion, kind, name, namespace: scalar(metadata, indentation, 'namespace'), text };
}

function scalar(text: string, indentation: string, key: string): string | undefined {
  return new RegExp(`^${indentation}${key}:[ \\t]*["']?([^"'\\s]+)["']?[ \\t]*$`, 'm').exec(text)?.[1];
}
