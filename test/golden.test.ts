// Golden pairs: manifests in test/golden/*.in.yaml, and the IR and statuses that they translate to in *.out.yaml beside them.
// UPDATE_GOLDEN=1 writes the outputs anew; read the difference before you commit it.
//
// An input is a stream of manifests as anyone would apply them. A first document `options:` may set what the caller of translate()
// decides: addresses, portOffset, addressPool, unavailablePorts, installedCrds. The class `sluice` exists unless it is declared.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { CONTROLLER_NAME, DEFAULT_CLASS_NAME } from '../src/api/condition.ts';
import type { Gateway } from '../src/api/generated/gateway.ts';
import type { KubernetesObject } from '../src/api/object.ts';
import { translationYaml } from '../src/cli/translation-text.ts';
import type { HostAddress } from '../src/gatewayapi/binding.ts';
import { Resources } from '../src/gatewayapi/resources.ts';
import { createMemo, translate, type TranslateOptions, type Translation } from '../src/gatewayapi/translate.ts';
import { enableLinearRegExp } from '../src/lib/linear-regexp.ts';
import { createValidator } from '../src/validation/validator.ts';

const FOLDER = fileURLToPath(new URL('golden', import.meta.url));
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

interface GoldenOptions {
  readonly addresses?: readonly HostAddress[];
  readonly portOffset?: number;
  /** The binding is `pool` then. */
  readonly addressPool?: readonly string[];
  readonly installedCrds?: TranslateOptions['installedCrds'];
  readonly unavailablePorts?: Readonly<Record<string, string>>;
}

interface GoldenInput {
  readonly options: TranslateOptions;
  readonly objects: readonly KubernetesObject[];
}

const validator = createValidator();
enableLinearRegExp();

describe('golden pairs of the translator', () => {
  for (const path of globSync(join(FOLDER, '*.in.yaml')).toSorted()) {
    it(basename(path, '.in.yaml'), () => {
      const outputPath = path.replace(/\.in\.yaml$/, '.out.yaml');
      const output = translationYaml(translateText(readFileSync(path, 'utf8')));
      if (UPDATE) writeFileSync(outputPath, output);
      assert.ok(existsSync(outputPath), 'run with UPDATE_GOLDEN=1 to write the output');
      assert.equal(output, readFileSync(outputPath, 'utf8'));
    });
  }

  it('has an input for each output', () => {
    const inputs = globSync(join(FOLDER, '*.out.yaml')).map((path) => path.replace(/\.out\.yaml$/, '.in.yaml'));
    assert.deepEqual(
      inputs.filter((path) => !existsSync(path)),
      [],
    );
  });
});

function translateText(text: string): Pick<Translation, 'ir' | 'statuses'> {
  const { options, objects } = readInput(text);
  const resources = new Resources();
  for (const object of objects) resources.put(object);
  const isImplied = !objects.some(({ kind }) => kind === 'GatewayClass');
  if (isImplied) resources.put(validate(IMPLIED_CLASS));
  const { ir, statuses } = translate(resources, createMemo(), options);
  return { ir, statuses: new Map([...statuses].filter(([, { kind }]) => !(isImplied && kind === 'GatewayClass'))) };
}

const IMPLIED_CLASS = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: DEFAULT_CLASS_NAME },
  spec: { controllerName: CONTROLLER_NAME },
};

function readInput(text: string): GoldenInput {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as Record<string, unknown>);
  const own = documents.filter((document) => 'options' in document).map(({ options }) => options as GoldenOptions);
  const {
    addresses = [{ type: 'IPAddress', value: '192.0.2.1' }],
    portOffset = 0,
    addressPool,
    installedCrds,
    unavailablePorts = {},
  } = own[0] ?? {};
  return {
    options: {
      controllerName: CONTROLLER_NAME,
      binding:
        addressPool === undefined
          ? { kind: 'host', bindAddress: '::', portOffset, addresses }
          : { kind: 'pool', addresses: addressPool },
      ...(installedCrds && { installedCrds }),
      unavailablePorts: new Map(Object.entries(unavailablePorts)),
    },
    objects: documents.filter((document) => !('options' in document)).map(validate),
  };
}

/** Validated and defaulted; generation and status, which validation leaves out, are what a provider would add. */
function validate(manifest: unknown): KubernetesObject {
  const validation = validator.validate(manifest);
  assert.ok(validation.outcome === 'valid', JSON.stringify(validation));
  const { metadata, status } = manifest as Gateway;
  const { object } = validation;
  const { generation = object.metadata.generation } = metadata;
  return {
    ...object,
    metadata: { ...object.metadata, ...(generation !== undefined && { generation }) },
    ...(status && { status }),
  };
}
