// Which GRPCRoute takes a call, what it does with it, and what stays for the HTTPRoutes of the same hostname.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { GRPCMethodMatch } from '../../../src/api/generated/grpc-route.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { backend, listener, route } from '../../harness/resources.ts';
import type { RuleSetup } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { Http2Upstream } from '../http2-upstream/http2-upstream.ts';
import { GrpcClient } from './grpc-client.ts';
import { grpcCluster, grpcMatch, grpcRoute, startStage } from './grpc-gateway.ts';
import { GrpcUpstream } from './grpc-upstream.ts';
import { framed, rawCall } from './raw-call.ts';
import { metadata, paddedRequest, payload, SERVICE, sizes } from './test-service.ts';

/** A rule for what the match says, which leads to a backend that is broken: its name is in the log. */
function leadingTo(name: string, ...match: Parameters<typeof grpcMatch>): RuleSetup {
  return { backends: [backend(undefined, { name })], match: grpcMatch(...match) };
}

function exact(names: Omit<GRPCMethodMatch, 'type'>): Parameters<typeof grpcMatch>[0] {
  return { method: { type: 'Exact', ...names } };
}

function expression(names: Omit<GRPCMethodMatch, 'type'>): Parameters<typeof grpcMatch>[0] {
  return { method: { type: 'RegularExpression', ...names } };
}

/** The backend of the rule that took the call; undefined where none did. */
async function chosenBy(
  bed: TestBed,
  rules: readonly RuleSetup[],
  calls: readonly (readonly [path: string, name: string | undefined, ...metadata: (readonly [string, string])[]])[],
): Promise<void> {
  const gateway = await bed.engine([listener(), grpcRoute('r', rules)]);
  const client = new GrpcClient(bed, gateway.address());
  for (const [path, name, ...entries] of calls) {
    const { status: ended } = await client.unary(sizes(1), { path, metadata: metadata(...entries) });
    assert.equal(ended.code, name === undefined ? status.UNIMPLEMENTED : status.UNAVAILABLE);
    assert.equal((await gateway.logged()).backend, name, `${path} ${JSON.stringify(entries)}`);
  }
}

describe('a rule matches', { timeout: 20_000 }, () => {
  test('the service, the method, or both, by name', async (t) => {
    await chosenBy(
      new TestBed(t),
      [
        leadingTo('any method', exact({ service: 'a.A' })),
        leadingTo('any service', exact({ method: 'Get' })),
        leadingTo('both', exact({ service: 'a.A', method: 'Get' })),
      ],
      [
        ['/a.A/Get', 'both'],
        ['/a.A/Put', 'any method'],
        ['/b.B/Get', 'any service'],
        ['/b.B/Put', undefined],
        ['/a.A/get', 'any method'],
        ['/a.AA/Put', undefined],
      ],
    );
  });

  test('the service before the method, and by name before by an expression', async (t) => {
    await chosenBy(
      new TestBed(t),
      [
        leadingTo('method', exact({ method: 'Get' })),
        leadingTo('expression', expression({ service: 'a\\..*' })),
        leadingTo('service', exact({ service: 'a.A' })),
      ],
      [
        ['/a.A/Get', 'service'],
        ['/a.B/Get', 'expression'],
        ['/b.B/Get', 'method'],
      ],
    );
  });

  test('names by a regular expression, whole', async (t) => {
    await chosenBy(
      new TestBed(t),
      [
        leadingTo('service', expression({ service: 'a\\.v[12]\\.[A-Z]+' })),
        leadingTo('method', expression({ method: '(Get|List).*' })),
        leadingTo('both', expression({ service: '^b\\.B$', method: '^Put|Post$' })),
      ],
      [
        ['/a.v1.ABC/X', 'service'],
        ['/a.v3.ABC/X', undefined],
        ['/xa.v1.ABC/X', undefined],
        ['/c.C/ListAll', 'method'],
        ['/c.C/DoList', undefined],
        ['/b.B/Put', 'both'],
        ['/b.B/Puts', undefined],
        ['/b.B/Post', 'both'],
      ],
    );
  });

  test('metadata, exactly or by a regular expression; more of them go first', async (t) => {
    const one = { name: 'version', type: 'Exact', value: 'two' } as const;
    const other = { name: 'color', type: 'RegularExpression', value: 'o(range|live)' } as const;
    await chosenBy(
      new TestBed(t),
      [
        leadingTo('one', { headers: [one] }),
        leadingTo('both', { headers: [one, other] }),
        leadingTo('first', { headers: [other] }),
      ],
      [
        ['/a.A/Get', undefined],
        ['/a.A/Get', 'one', ['version', 'two']],
        ['/a.A/Get', undefined, ['version', 'twofold']],
        ['/a.A/Get', 'first', ['color', 'orange']],
        ['/a.A/Get', 'both', ['color', 'olive'], ['version', 'two']],
      ],
    );
  });

  test('every call, where it names nothing', async (t) => {
    await chosenBy(new TestBed(t), [leadingTo('all', {})], [['/any.Thing/AtAll', 'all']]);
  });
});

describe('a rule', { timeout: 30_000 }, () => {
  test('shares calls by weight: 70, 30 and none', async (t) => {
    const bed = new TestBed(t);
    const upstreams = [await GrpcUpstream.listen(bed), await GrpcUpstream.listen(bed), await GrpcUpstream.listen(bed)];
    const weights = [70, 30, 0];
    const gateway = await bed.engine([
      listener(),
      ...upstreams.map(({ port }, index) => grpcCluster(`${index}`, [port])),
      grpcRoute('r', [{ backends: weights.map((weight, index) => backend(`${index}`, { weight })) }]),
    ]);
    const client = new GrpcClient(bed, gateway.address());
    for (let i = 0; i < 50; i++) {
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => client.unary(sizes(1))));
      assert.ok(outcomes.every(({ status: { code } }) => code === status.OK));
    }
    const [many, few, none] = upstreams.map(({ calls }) => calls.length / 500);
    t.diagnostic(`${many} ${few} ${none}`);
    assert.ok(Math.abs((many ?? 0) - 0.7) < 0.05 && Math.abs((few ?? 0) - 0.3) < 0.05 && none === 0);
  });

  test('modifies the metadata of requests', async (t) => {
    const { client, upstream } = await startStage(new TestBed(t), {
      rule: {
        filters: [
          {
            kind: 'requestHeaderModifier',
            set: [{ name: 'x-set', value: 'new' }],
            add: [{ name: 'x-added', value: 'more' }],
            remove: ['x-removed'],
          },
        ],
      },
    });
    const sent = metadata(['x-set', 'old'], ['x-added', 'some'], ['x-removed', 'gone'], ['x-kept', 'kept']);
    assert.equal((await client.unary(sizes(1), { metadata: sent })).status.code, status.OK);
    const { metadata: received } = await upstream.call(0);
    assert.deepEqual(
      ['x-set', 'x-added', 'x-removed', 'x-kept'].map((name) => received.get(name).join(', ')),
      ['new', 'some, more', '', 'kept'],
    );
  });

  test("mirrors a unary call, whole; what becomes of the copy is nobody else's", async (t) => {
    const bed = new TestBed(t);
    const failing = {
      UnaryCall: (_call: unknown, callback: (error: object) => void) => callback({ code: status.ABORTED }),
    };
    const upstream = await GrpcUpstream.listen(bed);
    const mirror = await GrpcUpstream.listen(bed, { handlers: failing });
    const raw = await Http2Upstream.listen(bed);
    const gateway = await bed.engine([
      listener(),
      grpcCluster('a', [upstream.port]),
      grpcCluster('m', [mirror.port]),
      grpcCluster('n', [raw.port]),
      grpcRoute('r', [
        {
          backends: ['a'],
          filters: ['m', 'n'].map((name) => ({
            kind: 'requestMirror',
            cluster: `cluster/${name}`,
            numerator: 1,
            denominator: 1,
          })),
        },
      ]),
    ]);
    const message = paddedRequest(50_000, 9);
    const { status: ended, messages } = await new GrpcClient(bed, gateway.address()).unary(message);
    assert.deepEqual([ended.code, messages], [status.OK, [payload(9)]]);
    assert.deepEqual((await mirror.call(0)).request, message);
    const { headers, trailers } = await raw.request(0);
    assert.deepEqual([headers['content-type'], headers.te, trailers], ['application/grpc', 'trailers', undefined]);
  });
});

describe('a GRPCRoute and an HTTPRoute on one hostname', { timeout: 20_000 }, () => {
  test('calls go to the one, requests to the other, and calls that the one does not take as well', async (t) => {
    const bed = new TestBed(t);
    const [forCalls, forRequests] = [await GrpcUpstream.listen(bed), await Http2Upstream.listen(bed)];
    const gateway = await bed.engine([
      listener(),
      grpcCluster('g', [forCalls.port]),
      grpcCluster('h', [forRequests.port]),
      route('h', [{ backends: ['h'] }]),
      grpcRoute('g', [
        { backends: ['g'], match: grpcMatch(exact({ service: SERVICE, method: 'UnaryCall' })) },
        { backends: ['g'], match: grpcMatch(exact({ service: SERVICE, method: 'EmptyCall' })) },
      ]),
    ]);
    const address = gateway.address();
    for (const [what, fields, name] of [
      ['a call', {}, 'test/g'],
      ['a call of a method that no GRPCRoute names', { ':path': `/${SERVICE}/OtherCall` }, 'test/h'],
      ['the path of a call, by another type', { 'content-type': 'application/json' }, 'test/h'],
      ['the path of a call, by gRPC-Web', { 'content-type': 'application/grpc-web+proto' }, 'test/h'],
    ] as const) {
      const answer = await rawCall(bed, address, fields);
      assert.equal(answer.headers[':status'], 200);
      assert.equal((await gateway.logged()).route, name, what);
    }
    const client = await bed.client(gateway);
    const [answer] = await client.send(request(`GET /${SERVICE}/UnaryCall`)).untilResponses(1);
    assert.equal(statusOf(answer ?? assert.fail()), 200);
    assert.equal((await gateway.logged()).route, 'test/h', 'a plain GET');
  });

  test('without the HTTPRoute, what is no call is not found', async (t) => {
    const bed = new TestBed(t);
    const { gateway } = await startStage(bed);
    const client = await bed.client(gateway);
    const [answer] = await client.send(request(`GET /${SERVICE}/UnaryCall`)).untilResponses(1);
    assert.equal(statusOf(answer ?? assert.fail()), 404);
    const other = await rawCall(bed, gateway.address(), { 'content-type': 'application/json' });
    assert.deepEqual([other.headers[':status'], other.headers['grpc-status']], [404, undefined]);
  });
});

describe('content types', { timeout: 20_000 }, () => {
  for (const type of [
    'application/grpc',
    'application/grpc+proto',
    'application/grpc+json',
    'application/grpc;charset=utf-8',
  ]) {
    test(`${type} is gRPC, and goes through as it is`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await Http2Upstream.listen(bed, (stream) => {
        stream.respond({ ':status': 200, 'content-type': type }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(framed(Buffer.from('{}')));
      });
      const gateway = await bed.engine([
        listener(),
        grpcCluster('a', [upstream.port]),
        grpcRoute('r', [{ backends: ['a'] }]),
      ]);
      const answer = await rawCall(bed, gateway.address(), { 'content-type': type });
      assert.deepEqual([answer.headers['content-type'], answer.trailers?.['grpc-status']], [type, '0']);
      assert.deepEqual(answer.body, framed(Buffer.from('{}')));
      assert.equal((await upstream.request(0)).headers['content-type'], type);
    });
  }
});
