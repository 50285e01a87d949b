import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { ConfigSources } from '../../../src/config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

function file(text: string): string {
  const path = join(folder, `${++files}.yaml`);
  writeFileSync(path, text);
  return path;
}

function problems(sources: ConfigSources): string[] {
  try {
    loadConfig(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(`${folder}/`, '').split('\n');
  }
  return [];
}

describe('loadConfig', () => {
  it('has defaults for everything', () => {
    const config = loadConfig({});
    assert.equal(config.admin.host, '127.0.0.1');
    assert.equal(config.admin.port, 9901);
    assert.equal(config.drain.delayMs, 10_000);
    assert.equal(config.limits.maxHeadBytes, 60 * 1_024);
    assert.equal(config.accessLog.path, undefined);
    assert.equal(config.workers, 0);
  });

  it('reads durations, sizes, addresses, and paths relative to the file', () => {
    const config = loadConfig({
      file: file(
        'manifests: [gateways, /etc/x]\nadmin: {address: "[::1]:8000", tokenFile: token}\ndrain: {delay: 1m30s500ms}\n' +
          'limits: {bodyBytes: 2MiB, uriBytes: 4096}\naccessLog: {path: logs/access.json, fields: [status]}\n',
      ),
    });
    assert.deepEqual(config.manifests, [join(folder, 'gateways'), '/etc/x']);
    assert.deepEqual(config.admin, { host: '::1', port: 8_000, allowedHosts: [], tokenFile: join(folder, 'token') });
    assert.equal(config.drain.delayMs, 90_500);
    assert.equal(config.limits.maxBodyBytes, 2 * 1_024 * 1_024);
    assert.equal(config.limits.maxUriBytes, 4_096);
    assert.equal(config.accessLog.path, join(folder, 'logs/access.json'));
    assert.deepEqual(config.accessLog.fields, ['status']);
  });

  it('the environment is over the file, options are over both', () => {
    const path = file('portOffset: 1\ndrain: {delay: 1s, grace: 1s}\nlog: {level: warn}\n');
    const environment = {
      SLUICE_DRAIN_DELAY: '2s',
      SLUICE_PORT_OFFSET: '2',
      SLUICE_MANIFESTS: 'a, b',
      SLUICE_DEMO: 'true',
    };
    const options = [{ key: 'portOffset', option: '--port-offset', value: 3 }];
    const config = loadConfig({ file: path, environment, options });
    assert.equal(config.portOffset, 3);
    assert.deepEqual(config.drain, { delayMs: 2_000, graceMs: 1_000 });
    assert.equal(config.log.level, 'warn');
    assert.equal(config.demo, true);
    assert.deepEqual(config.manifests, [resolve('a'), resolve('b')]);
  });

  it('names every problem with its place, key and remedy', () => {
    const path = file(
      'manifests: demo\ndrain:\n  dely: 5s\n  grace: 5x\nadmin:\n  address: nowhere\nworkers: many\nlog: {level: loud}\nlimit: {}\n',
    );
    const environment = { SLUICE_LIMITS_HEAD_BYTES: 'much', SLUICE_DEMO: 'yes' };
    const options = [{ key: 'portOffset', option: '--port-offset', value: -1 }];
    const found = problems({ file: path, environment, options }).toSorted();
    assert.equal(found.length, 10, found.join('\n'));
    for (const expected of [
      /^1\.yaml|\d\.yaml:1:\d+: manifests: is not a list of texts$/,
      /yaml:3:3: drain\.dely: is not a known key; did you mean drain\.delay\?$/,
      /yaml:4:\d+: drain\.grace: is not a duration like 500ms, 10s or 1m30s$/,
      /yaml:6:\d+: admin\.address: is not HOST:PORT$/,
      /yaml:7:\d+: workers: is not a number up to 1024, nor auto$/,
      /yaml:8:\d+: log\.level: .*silent, fatal, error, warn, info, debug, trace/,
      /yaml:9:1: limit: is not a known key; did you mean limits\?$/,
      /^SLUICE_LIMITS_HEAD_BYTES: limits\.headBytes: is not a size like/,
      /^SLUICE_DEMO: demo: is not true or false$/,
      /^--port-offset: portOffset: /,
    ]) {
      assert.ok(
        found.some((line) => expected.test(line)),
        `${expected} in\n${found.join('\n')}`,
      );
    }
  });

  it('says why a file is no configuration', () => {
    assert.match(problems({ file: join(folder, 'absent.yaml') })[0] ?? '', /absent\.yaml: can't be read \(ENOENT\)/);
    assert.match(problems({ file: file('a: [1\n') })[0] ?? '', /yaml:\d+:\d+: /);
    assert.match(problems({ file: file('- a\n') })[0] ?? '', /is not a mapping/);
    assert.match(problems({ file: file('drain: {}\n---\ndrain: {}\n') })[0] ?? '', /more than one YAML document/);
  });
});
