import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BoundListener, StartedGateway } from '../../../src/app/control/control-plane.ts';
import { runSummary } from '../../../src/cli/run-summary.ts';
import type { Listener, Traffic } from '../../../src/ir/listener.ts';

function listener(
  port: number,
  protocol: Listener['protocol'],
  hostnames: readonly string[],
  traffic: Traffic = 'http',
): BoundListener {
  const virtualHosts = hostnames.map((hostname, index) => ({
    name: `shop/web/${index}`,
    hostname,
    traffic,
    certificates: [],
  }));
  const config = { kind: 'listener', key: `listener/::/${port}`, bindAddress: '::', bindPort: port } as const;
  return { config: { ...config, port, protocol, virtualHosts }, port };
}

const STARTED: StartedGateway = {
  admin: { host: '127.0.0.1', port: 9901 },
  listeners: [listener(8080, 'HTTP', ['*'])],
  unavailablePorts: new Map(),
  objects: { HTTPRoute: 2, Gateway: 1 },
  skipped: {},
  problems: [],
};

function summaryLines(started: Partial<StartedGateway>, demo = false): string[] {
  return runSummary({ version: '1.2.3', started: { ...STARTED, ...started }, demo }).split('\n');
}

test('what listens where, and what was read', () => {
  assert.deepEqual(summaryLines({}), [
    '',
    'Sluice 1.2.3 is running.',
    '',
    '  http://localhost:8080  shop/web/0',
    '  http://127.0.0.1:9901  admin API; sluice status --admin http://127.0.0.1:9901 asks it',
    '  manifests              1 Gateway, 2 HTTPRoute',
    '',
  ]);
});

test('what is not good, too', () => {
  const problem = { file: 'a.yaml', line: 1, column: 1, message: 'bad', code: 'syntax' } as const;
  const lines = summaryLines({
    admin: { host: '::1', port: 9 },
    listeners: [listener(443, 'TLS', ['a.example.com', '*.b', 'c', 'd', 'e', 'f', 'g'])],
    unavailablePorts: new Map([['80', 'port 80 is in use by another process']]),
    skipped: { Deployment: 3 },
    problems: [problem, problem],
  }).map((line) => line.trim().replace(/ {2,}/, ' | '));
  assert.deepEqual(lines.slice(3, -1), [
    'https://localhost:443 | shop/web/0 (a.example.com), shop/web/1 (*.b), shop/web/2 (c), shop/web/3 (d), shop/web/4 (e), and 2 more listeners',
    'port 80 | NOT SERVED: port 80 is in use by another process',
    'http://[::1]:9 | admin API; sluice status --admin http://[::1]:9 asks it',
    'manifests | 1 Gateway, 2 HTTPRoute',
    'skipped | 3 Deployment',
    'problems | 2; sluice validate shows them',
  ]);
});

test('listeners that read no HTTP', () => {
  const lines = summaryLines({
    listeners: [
      listener(443, 'TLS', ['a.example.com'], 'passthrough'),
      listener(9000, 'TCP', ['*'], 'stream'),
      listener(53, 'UDP', ['*'], 'datagram'),
    ],
  });
  assert.deepEqual(
    lines.slice(3, 6).map((line) => line.trim().split(' ')[0]),
    ['tls://localhost:443', 'tcp://localhost:9000', 'udp://localhost:53'],
  );
});

test('nothing to listen on is said', () => {
  assert.match(summaryLines({ listeners: [] }).join('\n'), /no listeners +no Gateway asks for one/);
});

test('the demo shows how to try it, where there is a listener for it', () => {
  const listeners = [listener(443, 'TLS', ['*']), listener(81, 'HTTP', ['a']), listener(8080, 'HTTP', ['*'])];
  const [command = ''] = summaryLines({ listeners }, true).filter((line) => line.includes('curl'));
  assert.equal(command, "  curl -s 'http://localhost:8080/?[1-100]' | grep servedBy | sort | uniq -c");
  assert.doesNotMatch(summaryLines({ listeners }).join('\n'), /curl/);
  assert.doesNotMatch(summaryLines({ listeners: listeners.slice(0, 2) }, true).join('\n'), /curl/);
});
