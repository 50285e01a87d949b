// `sluice run` as a process: what it prints, serves and logs, and how it ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { freePort, sluice, SluiceProcess } from '../../harness/sluice-process.ts';
import type { SluiceProcessOptions } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { gatewayManifest } from './manifests.ts';

const LOOPBACK = '127.0.0.1';

/** A gateway in front of an upstream whose answers the test gives, or holds back. */
class Stage {
  readonly directory: TemporaryDirectory;
  readonly upstream: Server;
  readonly port: number;

  private constructor(directory: TemporaryDirectory, upstream: Server, port: number) {
    this.directory = directory;
    this.upstream = upstream;
    this.port = port;
  }

  static async create(t: TestContext): Promise<Stage> {
    const upstream = createServer((_request, response) => response.end('from upstream'));
    await once(upstream.listen(0, LOOPBACK), 'listening');
    t.after(() => {
      upstream.close();
      upstream.closeAllConnections();
    });
    const directory = new TemporaryDirectory(t);
    const port = await freePort();
    const upstreamPort = (upstream.address() as AddressInfo).port;
    directory.write({ 'manifests/gateway.yaml': gatewayManifest({ port, upstreamPort }) });
    return new Stage(directory, upstream, port);
  }

  get manifests(): string {
    return this.directory.at('manifests');
  }

  /** Started, and ended with the test. Drains without a delay unless a configuration says otherwise. */
  async start(
    t: TestContext,
    args: readonly string[] = [],
    options: SluiceProcessOptions = {},
  ): Promise<SluiceProcess> {
    const environment = { SLUICE_DRAIN_DELAY: '0s', ...options.environment };
    const all = ['run', '--manifests', this.manifests, '--admin', `${LOOPBACK}:0`, ...args];
    const gateway = new SluiceProcess(all, { ...options, environment });
    t.after(() => gateway[Symbol.asyncDispose]());
    await gateway.untilErrors(/Sluice \S+ is running\./);
    return gateway;
  }

  async get(path = '/'): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://${LOOPBACK}:${this.port}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, text: await response.text() };
  }

  /** Lets the next request wait in the upstream; gives what answers it. */
  async hold(): Promise<{ response: ServerResponse; answer: Promise<{ status: number; text: string }> }> {
    this.upstream.removeAllListeners('request');
    const answer = this.get('/held');
    // Where the gateway is killed, this is meant to fail.
    answer.catch(() => {});
    const [, response] = (await once(this.upstream, 'request')) as [unknown, ServerResponse];
    return { response, answer };
  }
}

/** Of an access log. */
function pathsOf(lines: string): string[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { path: string }).path);
}

describe('sluice run', () => {
  it('serves, tells where, logs requests, and drains on SIGTERM', async (t) => {
    const stage = await Stage.create(t);
    const gateway = await stage.start(t);
    const [, admin] = await gateway.untilErrors(/(http:\/\/127\.0\.0\.1:\d+) +admin API/);
    assert.match(gateway.errors, new RegExp(`http://localhost:${stage.port} +shop/web/http`));
    assert.match(gateway.errors, /manifests +1 Backend, 1 Gateway, 1 HTTPRoute/);
    assert.deepEqual(await stage.get('/a?b'), { status: 200, text: 'from upstream' });
    await gateway.untilOutput(/"path":"\/a".*\n/);
    assert.equal((await fetch(`${admin}/readyz`)).status, 200);

    const { response, answer } = await stage.hold();
    gateway.signal('SIGTERM');
    await gateway.untilErrors(/"signal":"SIGTERM"/);
    response.end('finished');
    assert.deepEqual(await answer, { status: 200, text: 'finished' });
    const { code, output, errors } = await gateway.ending();
    assert.equal(code, 0, errors);
    assert.match(errors, /"msg":"drained"/);
    assert.deepEqual(pathsOf(output), ['/a', '/held']);
  });

  it('ends at once on a second signal', async (t) => {
    const stage = await Stage.create(t);
    for (const [signal, exitCode] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const gateway = await stage.start(t);
      await stage.hold();
      gateway.signal(signal);
      await gateway.untilErrors(/a second signal exits at once/);
      gateway.signal(signal);
      assert.equal((await gateway.ending()).code, exitCode);
    }
  });

  it('drains when the admin API says so, for those who have the token', async (t) => {
    const stage = await Stage.create(t);
    stage.directory.write({ token: 'sesame\n' });
    const gateway = await stage.start(t, [], { environment: { SLUICE_ADMIN_TOKEN_FILE: stage.directory.at('token') } });
    const [, admin] = await gateway.untilErrors(/(http:\S+) +admin API/);
    const drain = async (token: string): Promise<number> =>
      (await fetch(`${admin}/drain`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status;
    assert.equal(await drain('wrong'), 401);
    assert.equal(await drain('sesame'), 202);
    assert.equal((await gateway.ending()).code, 0);
  });

  it('reopens the access log on SIGUSR1, and starts no debugger', async (t) => {
    const stage = await Stage.create(t);
    const { directory } = stage;
    const gateway = await stage.start(t, [], { environment: { SLUICE_ACCESS_LOG_PATH: directory.at('access.log') } });
    await stage.get('/before');
    directory.rename('access.log', 'access.log.1');
    gateway.signal('SIGUSR1');
    await gateway.untilErrors(/reopening the access log/);
    await stage.get('/after');
    gateway.signal('SIGTERM');
    const { output, errors } = await gateway.ending();
    const [old, current] = ['access.log.1', 'access.log'].map((name) => readFileSync(directory.at(name), 'utf8'));
    // What was not written yet when the signal came goes into the new file.
    assert.deepEqual(pathsOf(`${old}${current}`), ['/before', '/after']);
    assert.match(current ?? '', /after/);
    assert.equal(output, '');
    assert.doesNotMatch(errors, /Debugger/);
  });

  it('goes on when nobody reads the access log any more', async (t) => {
    const stage = await Stage.create(t);
    const gateway = await stage.start(t);
    gateway.child.stdout?.destroy();
    for (let count = 0; count < 20; count++) assert.equal((await stage.get()).status, 200);
    gateway.signal('SIGTERM');
    assert.equal((await gateway.ending()).code, 0);
  });

  it('ends with 1 after a defect, but finishes what is in flight', async (t) => {
    const stage = await Stage.create(t);
    const defect = "process.on('SIGUSR2', () => { void Promise.reject(new Error('a defect for the test')); });";
    const gateway = await stage.start(t, [], { nodeArguments: ['--import', `data:text/javascript,${defect}`] });
    const { response, answer } = await stage.hold();
    gateway.signal('SIGUSR2');
    await gateway.untilErrors(/"level":"fatal".*a defect for the test/);
    response.end('finished');
    assert.equal((await answer).status, 200);
    assert.equal((await gateway.ending()).code, 1);
  });

  it('ends at once when it is asked to before it is ready', async (t) => {
    const stage = await Stage.create(t);
    // The handler for defects is the last that is installed, long before the manifests are read.
    const early = `process.on('newListener', (event) => {
      if (event === 'uncaughtException') process.kill(process.pid, 'SIGTERM');
    });`;
    const args = ['run', '--manifests', stage.manifests, '--admin', `${LOOPBACK}:0`];
    const { code, errors } = await sluice(args, {
      nodeArguments: ['--import', `data:text/javascript,${early}`],
      environment: { SLUICE_DRAIN_DELAY: '1h' },
    });
    assert.equal(code, 0, errors);
    assert.match(errors, /"signal":"SIGTERM"/);
    assert.doesNotMatch(errors, /is running|"drained"/);
  });

  it('serves what it can where a port is taken, and says what it can not', async (t) => {
    const stage = await Stage.create(t);
    const other = createTcpServer();
    await once(other.listen(stage.port), 'listening');
    t.after(() => other.close());
    const gateway = await stage.start(t);
    const why = `port ${stage.port} is in use by another process`;
    assert.match(gateway.errors, new RegExp(`port ${stage.port} +NOT SERVED: ${why}`));
    assert.match(gateway.errors, new RegExp(`"level":"warn".*${why}`));
  });

  it('adds the port offset', async (t) => {
    const stage = await Stage.create(t);
    const offset = stage.port > 32_768 ? 0 : 1_000;
    const gateway = await stage.start(t, ['--port-offset', String(offset)]);
    assert.match(gateway.errors, new RegExp(`http://localhost:${stage.port + offset} `));
    const response = await fetch(`http://${LOOPBACK}:${stage.port + offset}/`);
    assert.equal(await response.text(), 'from upstream');
  });

  it('tells what is wrong with the manifests, and follows their changes', async (t) => {
    const stage = await Stage.create(t);
    stage.directory.write({
      'manifests/bad.yaml': 'kind: Gateway\nspec: {',
      'manifests/other.yaml': 'kind: Job\napiVersion: batch/v1',
    });
    const gateway = await stage.start(t);
    assert.match(gateway.errors, /skipped +1 Job/);
    assert.match(gateway.errors, /problems +1; sluice validate shows it/);
    assert.match(gateway.errors, /"level":"warn".*bad\.yaml:/);
    const { port } = stage.upstream.address() as AddressInfo;
    const changed = gatewayManifest({ port: stage.port, upstreamPort: port }).replace('name: cart', 'name: renamed');
    stage.directory.replace('manifests/gateway.yaml', changed);
    await gateway.untilErrors(/"version":2,.*configuration applied/);
    await stage.get('/');
    await gateway.untilOutput(/"route":"shop\/renamed"/);
  });
});

describe('sluice run that can not start', () => {
  it('says in one line why, when the admin address is taken', async (t) => {
    const stage = await Stage.create(t);
    const { port } = stage.upstream.address() as AddressInfo;
    const { code, errors } = await sluice(['run', '--manifests', stage.manifests, '--admin', `${LOOPBACK}:${port}`]);
    assert.equal(code, 1);
    assert.equal(
      errors,
      `sluice: the admin API can't listen on ${LOOPBACK}:${port}: the address is in use; --admin chooses another address\n`,
    );
  });

  it('says in one line why, when nobody knows where the API server is', async () => {
    const run = ['run', '--provider', 'kubernetes', '--kubeconfig', '/nowhere', '--admin', `${LOOPBACK}:0`];
    const { code, errors } = await sluice(run);
    assert.deepEqual({ code, errors }, { code: 1, errors: 'sluice: /nowhere: cannot be read (ENOENT)\n' });
  });

  it('says in one line why, when a file can not be had', async (t) => {
    const stage = await Stage.create(t);
    const run = ['run', '--manifests', stage.manifests, '--admin', `${LOOPBACK}:0`];
    stage.directory.write({ empty: '\n' });
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [
        { SLUICE_ACCESS_LOG_PATH: '/nowhere/a.log' },
        /^sluice: the access log \/nowhere\/a\.log can't be opened: no such file or directory$/,
      ],
      [
        { SLUICE_ADMIN_TOKEN_FILE: '/nowhere' },
        /^sluice: the admin token can't be read from \/nowhere: no such file or directory$/,
      ],
      [{ SLUICE_ADMIN_TOKEN_FILE: stage.directory.at('empty') }, /^sluice: the admin token in \S+ is empty$/],
    ];
    for (const [environment, message] of cases) {
      const { code, errors } = await sluice(run, { environment });
      assert.equal(code, 1);
      assert.match(errors.trimEnd(), message);
    }
  });

  it('ends with 2 on wrong usage and configuration', async (t) => {
    const directory = new TemporaryDirectory(t);
    directory.write({
      'sluice.yaml': 'manifests: [here]\ndrain:\n  delya: 1s\n',
      'gone.yaml': 'manifests: [gone]\n',
      'fields.yaml': 'manifests: [.]\naccessLog: {fields: [time, nonsense]}\n',
    });
    const cases: readonly (readonly [string[], RegExp])[] = [
      [
        [],
        /^sluice: there is nothing to run: name manifests with --manifests, or in a file with --config, or an API server with --provider kubernetes$/,
      ],
      [['--manifests', 'no-such-directory'], /^sluice: \S+no-such-directory: no such file or directory$/],
      [['--config', directory.at('none.yaml')], /^sluice: \S+none\.yaml: can't be read \(ENOENT\)$/],
      [
        ['--config', directory.at('sluice.yaml')],
        /^sluice: \S+sluice\.yaml:3:3: drain\.delya: is not a known key; did you mean drain\.delay\?$/,
      ],
      [['--config', directory.at('gone.yaml')], /^sluice: \S+gone: no such file or directory$/],
      [
        ['--config', directory.at('fields.yaml')],
        /^sluice: configuration: accessLog\.fields: there is no field nonsense; there are time, /,
      ],
      [['--manifests', 'config/demo', '--workers', 'many'], /^sluice: .*whole number/],
      // What the configuration says of the log is looked at before there are processes.
      [
        ['--config', directory.at('fields.yaml'), '--workers', '2'],
        /^sluice: configuration: accessLog\.fields: there is no field nonsense; there are time, /,
      ],
      [['--manifests', 'config/demo', '--admin', 'here'], /^sluice: --admin: admin\.address: is not HOST:PORT$/],
      [['--manifests', 'config/demo', '--port-offset', 'x'], /^sluice: .*whole number/],
    ];
    for (const [args, message] of cases) {
      const { code, errors, output } = await sluice(['run', ...args]);
      assert.equal(code, 2, args.join(' '));
      assert.match(errors.trimEnd(), message);
      assert.equal(output, '');
    }
  });
});
