import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostnameIndex } from '../../../../src/dataplane/route/hostname-index.ts';
import { chooseVirtualHost } from '../../../../src/dataplane/route/virtual-host.ts';

const HOSTNAMES = ['*', 'second-example.org', '*.wildcard.org', 'fourth-example.wildcard.org'];

function choose(serverName: string | undefined, host: string, hostnames: readonly string[] = HOSTNAMES): string {
  const index = new HostnameIndex(hostnames.map((hostname) => [hostname, { hostname }] as const));
  const choice = chooseVirtualHost(index, serverName, host);
  return typeof choice === 'string' ? choice : choice.hostname;
}

test('Host alone decides where the handshake named nothing', () => {
  assert.equal(choose(undefined, 'second-example.org'), 'second-example.org');
  assert.equal(choose(undefined, 'x.y.wildcard.org'), '*.wildcard.org');
  assert.equal(choose(undefined, 'fourth-example.wildcard.org'), 'fourth-example.wildcard.org');
  assert.equal(choose(undefined, 'wildcard.org'), '*');
  assert.equal(choose(undefined, 'wildcard.org', HOSTNAMES.slice(1)), 'route_not_found');
});

test('I03: server name and Host must lead to the same virtual host', () => {
  // The hosts that no route serves are 404 later, inside the virtual host.
  const table: [serverName: string, host: string, expected: string][] = [
    ['example.org', 'example.org', '*'],
    ['example.org', 'second-example.org', 'misdirected'],
    ['example.org', 'unknown-example.org', '*'],
    ['second-example.org', 'second-example.org', 'second-example.org'],
    ['second-example.org', 'example.org', 'misdirected'],
    ['second-example.org', 'unknown-example.org', 'misdirected'],
    ['third-example.wildcard.org', 'third-example.wildcard.org', '*.wildcard.org'],
    ['third-example.wildcard.org', 'fith-example.wildcard.org', '*.wildcard.org'],
    ['third-example.wildcard.org', 'fourth-example.wildcard.org', 'misdirected'],
    ['third-example.wildcard.org', 'second-example.org', 'misdirected'],
    ['fourth-example.wildcard.org', 'fourth-example.wildcard.org', 'fourth-example.wildcard.org'],
    ['fourth-example.wildcard.org', 'fith-example.wildcard.org', 'misdirected'],
    ['unknown-example.org', 'example.org', '*'],
  ];
  for (const [serverName, host, expected] of table)
    assert.equal(choose(serverName, host), expected, `${serverName} ${host}`);
});

test('I03: 404 where no virtual host is for the Host, 421 where none is for the server name any more', () => {
  assert.equal(choose('second-example.org', 'unknown.org', HOSTNAMES.slice(1)), 'route_not_found');
  assert.equal(choose('unknown.org', 'second-example.org', HOSTNAMES.slice(1)), 'misdirected');
  assert.equal(choose('unknown.org', 'unknown.org', HOSTNAMES.slice(1)), 'route_not_found');
});
