import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { splitManifests } from '../../conformance/manifest.ts';

suite('manifests', () => {
  test('documents without an object are left out', () => {
    const text =
      '# licence\n---\n\n---\n# only words\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n---\n';
    assert.deepEqual(
      splitManifests(text).map(({ kind, name, namespace }) => [kind, name, namespace]),
      [['Namespace', 'a', undefined]],
    );
  });

  test('names are those of the object, not of what is inside it', () => {
    const text = `kind: Deployment
apiVersion: "apps/v1"
spec:
  template:
    metadata:
      name: inner
      namespace: inner
metadata:
  labels:
    name: label
    namespace: label

  # a comment
  name: 'outer'
  namespace: here
`;
    const [manifest] = splitManifests(text);
    assert.equal(manifest?.apiVersion, 'apps/v1');
    assert.equal(manifest?.name, 'outer');
    assert.equal(manifest?.namespace, 'here');
    assert.equal(manifest?.text, text);
  });

  test('an object without a name is refused', () => {
    assert.throws(() => splitManifests('apiVersion: v1\nkind: Secret\nmetadata:\n  labels:\n    name: x\n'), /without/);
  });
});
