// The `exec` field of a kubeconfig's user: which program gives credentials, and how it is called.
import type { ExecPlugin } from './exec-plugin.ts';
import type { KubeconfigField } from './kubeconfig-field.ts';

const VERSIONS: readonly string[] = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** @throws KubeconfigError */
export function readExecPlugin(exec: KubeconfigField): ExecPlugin {
  const version = exec.child('apiVersion');
  const apiVersion = version.requiredText();
  if (!VERSIONS.includes(apiVersion)) version.fail(`is not one of ${VERSIONS.join(', ')}`);
  checkInteractiveMode(exec.child('interactiveMode'), apiVersion);
  const command = exec.child('command');
  const name = command.requiredText();
  return {
    apiVersion,
    // As kubectl: a path is relative to the file, a mere name is looked for in PATH.
    command: name.includes('/') ? (command.path() ?? name) : name,
    args: exec
      .child('args')
      .items()
      .map((item) => item.text() ?? ''),
    env: exec
      .child('env')
      .items()
      .map((item) => [item.child('name').requiredText(), item.child('value').text() ?? '']),
    providesClusterInfo: exec.child('provideClusterInfo').flag(),
    installHint: exec.child('installHint').text(),
  };
}

function checkInteractiveMode(field: KubeconfigField, apiVersion: string): void {
  const mode = field.text();
  if (mode === 'Always') field.fail('is Always, but Sluice has no terminal at which to ask anybody');
  if (mode === undefined && apiVersion === VERSIONS[0]) field.fail('is missing; v1 wants Never or IfAvailable');
  if (mode !== undefined && mode !== 'Never' && mode !== 'IfAvailable')
    field.fail('is none of Never, IfAvailable, Always');
}
