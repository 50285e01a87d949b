import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  compileForExplanation,
  explainRequest,
  MAX_EXPLAINED_OTHERS,
  type Explanation,
} from '../../../src/app/explanation.ts';
import { parseHeader, parseRequestLine, type Header } from '../../../src/cli/request-argument.ts';
import { createIr, type Resource } from '../../../src/ir/ir.ts';
import type { Route } from '../../../src/ir/route.ts';
import { backend, cluster, listener, route, virtualHost } from '../../harness/resources.ts';

const ENDPOINT = { kind: 'ip', address: '10.0.0.1', port: 8080 } as const;
const CLUSTERS = [
  cluster('a', [ENDPOINT, { kind: 'ip', address: '::1', port: 81 }]),
  cluster('b', [{ kind: 'fqdn', hostname: 'b.example.com', port: 443 }]),
  cluster('empty', []),
];
const TLS_LISTENER = listener({
  key: 'listener/tls',
  port: 443,
  protocol: 'TLS',
  virtualHosts: [
    virtualHost({ name: 'test/gateway/a', hostname: 'a.example.com' }),
    virtualHost({ name: 'test/gateway/b', hostname: '*.b.example.com' }),
  ],
});

function explain(resources: readonly Resource[], line: string, ...headers: string[]): Explanation {
  const ir = createIr([listener(), ...CLUSTERS, ...resources]);
  const parsed = headers.reduce<readonly Header[]>((before, header) => parseHeader(header, before), []);
  return explainRequest(ir, compileForExplanation(ir), { ...parseRequestLine(line), headers: parsed });
}

describe('a request that a route takes', () => {
  it('is forwarded, with all that decides how', () => {
    const cart = route('cart', [
      {
        name: 'main',
        path: '/cart',
        filters: [{ kind: 'urlRewrite', hostname: 'cart.internal', path: { kind: 'replacePrefix', value: '/v2' } }],
        backends: [backend('a', { weight: 3 }), backend('b', { weight: 1 })],
        requestTimeoutMs: 10_000,
        backendRequestTimeoutMs: 2_000,
      },
    ]);
    const {
      outcome,
      listener: chosen,
      route: taken,
      others,
      omittedOthers,
    } = explain([cart], 'http://shop/cart/1?x=2');
    assert.deepEqual(outcome, { kind: 'forwarded', authority: 'cart.internal', path: '/v2/1', query: 'x=2' });
    assert.deepEqual(chosen, { name: 'test/gateway/http', hostname: '*', port: 80, protocol: 'HTTP' });
    assert.ok(taken);
    const { backends, filters, ...rest } = taken;
    assert.deepEqual(rest, {
      route: 'HTTPRoute test/cart',
      rule: 'main',
      hostname: '*',
      match: { path: { type: 'prefix', value: '/cart' }, headers: [], queryParams: [] },
      requestTimeoutMs: 10_000,
      backendRequestTimeoutMs: 2_000,
    });
    assert.equal(filters.length, 1);
    assert.deepEqual(
      backends.map(({ name, share, endpoints }) => [name, share, endpoints]),
      [
        ['test/a', 0.75, ['10.0.0.1:8080', '[::1]:81']],
        ['test/b', 0.25, ['b.example.com:443']],
      ],
    );
    assert.deepEqual([others, omittedOthers], [[], 0]);
  });

  it('may be answered by a filter', () => {
    const old = route('old', [{ filters: [{ kind: 'requestRedirect', scheme: 'https', statusCode: 301 }] }]);
    const { outcome } = explain([old], 'http://shop/a?b');
    assert.deepEqual(outcome, { kind: 'answered', status: 301, location: 'https://shop/a?b' });
  });

  it('is refused where the backends are not usable', () => {
    const refusalOf = (...backends: NonNullable<Parameters<typeof route>[1][number]['backends']>): unknown => {
      const { outcome } = explain([route('r', [{ backends }])], 'http://shop/');
      return outcome.kind === 'refused' ? outcome.code : outcome.kind;
    };
    assert.equal(refusalOf(), 'no_backend');
    assert.equal(refusalOf(backend('a', { weight: 0 })), 'no_backend');
    assert.equal(refusalOf(backend(undefined)), 'no_backend');
    assert.equal(refusalOf('empty'), 'no_healthy_upstream');
    assert.equal(refusalOf('empty', backend('a', { weight: 0 })), 'no_healthy_upstream');
    assert.equal(refusalOf('empty', 'a'), 'forwarded');
  });

  it('is refused for a share of the requests', () => {
    const { route: taken } = explain([route('r', [{ backends: ['a', 'empty', backend(undefined)] }])], 'http://shop/');
    assert.deepEqual(
      taken?.backends.map(({ refusal }) => refusal?.status),
      [undefined, 503, 500],
    );
  });

  it('is matched as the data path matches it', () => {
    const match = {
      method: 'POST',
      headers: [{ type: 'exact', name: 'x-a', value: 'ü' }],
      queryParams: [{ type: 'exact', name: 'q', value: 'z' }],
    } as const;
    const strict = route('strict', [
      { path: '/a/b', match: { ...match, path: { type: 'exact', value: '/a/b' } }, backends: ['a'] },
    ]);
    const { outcome } = explain([strict], 'POST http://shop/a/./x/..//b?q=z', 'X-A: ü');
    assert.deepEqual(outcome, { kind: 'forwarded', authority: 'shop', path: '/a/b', query: 'q=z' });
  });
});

describe('the others', () => {
  it('lost for a reason, and those for the host come first', () => {
    const elsewhere = route('elsewhere', [{ path: '/cart/long/prefix', backends: ['a'] }], {
      hostname: 'other.example.com',
    });
    const cart = route('cart', [
      { path: '/cart', backends: ['a'] },
      { path: '/', backends: ['a'] },
      { path: '/cart', match: { method: 'POST' }, backends: ['a'] },
    ]);
    const { route: taken, others } = explain([elsewhere, cart], 'http://shop/cart');
    assert.equal(taken?.rule, '0');
    assert.deepEqual(
      others.map(({ route: name, rule, reason }) => [name, rule, reason]),
      [
        ['HTTPRoute test/cart', '2', 'method is GET, not POST'],
        ['HTTPRoute test/cart', '1', 'matched, but rule 0 of test/cart has a longer prefix'],
        ['HTTPRoute test/elsewhere', '0', 'host shop is not other.example.com'],
      ],
    );
  });

  it('are listed up to a bound', () => {
    const rules = Array.from({ length: MAX_EXPLAINED_OTHERS + 10 }, (_, index) => ({ path: `/${index}` }));
    const { outcome, others, omittedOthers } = explain([route('many', rules)], 'http://shop/none');
    assert.equal(outcome.kind === 'refused' && outcome.status, 404);
    assert.equal(others.length, MAX_EXPLAINED_OTHERS);
    assert.equal(omittedOthers, 10);
  });
});

describe('a request that reaches no route', () => {
  function messageOf(line: string, ...headers: string[]): string {
    const { outcome, route: taken } = explain([TLS_LISTENER], line, ...headers);
    assert.equal(taken, undefined);
    if (outcome.kind === 'refused') return `${outcome.status} ${outcome.message}`;
    return outcome.kind === 'unreachable' ? outcome.message : assert.fail(outcome.kind);
  }

  it('has no listener', () => {
    assert.equal(messageOf('http://shop:81/'), 'no listener on port 81; listeners are on 443 (HTTPS), 80 (HTTP)');
    assert.equal(messageOf('https://shop:80/'), 'port 80 is for HTTP, not for https');
    assert.equal(messageOf('http://shop:443/'), 'port 443 is for HTTPS, not for http');
  });

  it('has no certificate', () => {
    const end = 'there are listeners for a.example.com, *.b.example.com';
    const start = 'the TLS handshake fails: no listener on port 443 is for';
    assert.equal(messageOf('https://c.example.com/'), `${start} c.example.com; ${end}`);
    assert.equal(messageOf('https://10.0.0.1/'), `${start} clients that name no host; ${end}`);
    assert.equal(messageOf('https://[::1]/'), `${start} clients that name no host; ${end}`);
  });

  it('has a host of another listener, or of none', () => {
    const host = 'host: x.b.example.com';
    assert.match(
      messageOf('https://a.example.com/', host),
      /^421 host x\.b\.example\.com and TLS server name a\.example/,
    );
    assert.match(
      messageOf('https://a.example.com/', 'Host: c.example.com'),
      /^404 no listener on port 443 is for host c\./,
    );
  });

  it('is refused by the codec, in its words', () => {
    assert.match(messageOf('http://sh_op!/'), /^400 the host is not a valid host/);
    assert.match(messageOf('http://shop/a\\b'), /^400 the path holds a character/);
    assert.match(messageOf('http://shop/ü'), /^400 the request target/);
    assert.match(messageOf('http://shop/../a'), /^400 the path leads above the root/);
    assert.match(messageOf('get http://shop/'), /^400 the request line/);
    assert.match(messageOf('TRACE http://shop/'), /^405 /);
    assert.match(messageOf('http://shop/', 'host: a', 'host: b'), /^400 Host appears more than once/);
    assert.match(messageOf('http://shop/', 'x_y: 1'), /^400 a header field name contains an underscore/);
    assert.match(messageOf(`http://shop/${'a'.repeat(9_000)}`), /^414 /);
  });

  it('finds nothing where nothing listens', () => {
    const ir = createIr([]);
    const request = { ...parseRequestLine('http://shop/'), headers: [] };
    const { outcome } = explainRequest(ir, compileForExplanation(ir), request);
    assert.deepEqual(outcome, { kind: 'unreachable', message: 'no listener on port 80; nothing is listened on' });
  });
});

describe('gRPC', () => {
  const calls: Route = {
    ...route('calls', [
      {
        match: { path: { type: 'exact', value: '/shop.Cart/Add' }, rpc: { service: 'shop.Cart', method: 'Add' } },
        backends: ['a'],
      },
    ]),
    key: 'route/GRPCRoute/test/calls',
    protocol: 'grpc',
  };

  it('is explained by service and method', () => {
    const { outcome, route: taken } = explain(
      [calls],
      'POST http://shop/shop.Cart/Add',
      'content-type: application/grpc',
    );
    assert.equal(outcome.kind, 'forwarded');
    assert.deepEqual(
      [taken?.route, taken?.match.rpc],
      ['GRPCRoute test/calls', { service: 'shop.Cart', method: 'Add' }],
    );
  });

  it('is told of failures by its own status', () => {
    const { outcome } = explain([calls], 'POST http://shop/shop.Cart/Remove', 'content-type: application/grpc');
    assert.ok(outcome.kind === 'refused');
    assert.deepEqual([outcome.code, outcome.status, outcome.grpcStatus], ['route_not_found', 200, 12]);
  });
});

describe('listeners that read no HTTP', () => {
  it('are not asked for requests', () => {
    const names = { passthrough: 'a.example.com', stream: 'b.example.com' } as const;
    const virtualHosts = (['passthrough', 'stream'] as const).map((traffic) =>
      virtualHost({ name: `test/gateway/${traffic}`, hostname: names[traffic], traffic }),
    );
    const tls = listener({ key: 'listener/tls', port: 443, protocol: 'TLS', virtualHosts });
    for (const [traffic, hostname] of Object.entries(names)) {
      const { outcome } = explain([tls], `https://${hostname}/`);
      const message = `listener test/gateway/${traffic} reads no HTTP: TLSRoutes decide where its connections go`;
      assert.deepEqual(outcome, { kind: 'unreachable', message });
    }
  });

  it('are told by their protocol, where a port has two by that of TCP', () => {
    const udp = listener({ key: 'listener/udp', port: 9000, protocol: 'UDP', virtualHosts: [] });
    const tcp = listener({ key: 'listener/tcp', port: 9000, protocol: 'TCP', virtualHosts: [] });
    assert.deepEqual(explain([udp, tcp], 'http://shop:9000/').outcome, {
      kind: 'unreachable',
      message: 'port 9000 is for TCP, not for http',
    });
  });
});

it('a listener for all hosts serves clients that name none in the handshake', () => {
  const open = listener({ key: 'listener/tls', port: 443, protocol: 'TLS' });
  const { outcome } = explain([open, route('r', [{ backends: ['a'] }])], 'https://10.0.0.1/');
  assert.equal(outcome.kind, 'forwarded');
});

describe('what a listener sets for itself', () => {
  const web = route('web', [
    {
      match: { headers: [{ type: 'exact', name: 'x-forwarded-for', value: '192.0.2.1, 127.0.0.1' }] },
      backends: ['a'],
    },
  ]);

  it('decides about heads and escaped slashes', () => {
    const settings = { allowsUnderscores: true, escapedSlashes: 'redirect', limits: { maxUriBytes: 20 } } as const;
    const own = [route('all', [{ backends: ['a'] }]), listener({ settings })];
    assert.equal(explain(own, 'http://shop/', 'x_y: 1').outcome.kind, 'forwarded');
    assert.deepEqual(explain(own, 'http://shop/a%2Fb?c').outcome, {
      kind: 'answered',
      status: 307,
      location: '/a/b?c',
    });
    for (const [line, code] of [
      [`http://shop/${'a'.repeat(20)}`, 'uri_too_long'],
      ['http://shop/a%2F..', 'bad_request'],
    ] as const) {
      const { outcome } = explain(own, line);
      assert.equal(outcome.kind === 'refused' && outcome.code, code);
    }
  });

  it('and about whom to believe', () => {
    const header = 'x-forwarded-for: 192.0.2.1';
    assert.equal(explain([web], 'http://shop/', header).outcome.kind, 'refused');
    const trusting = listener({ settings: { trustedHops: 1 } });
    assert.equal(explain([web, trusting], 'http://shop/', header).outcome.kind, 'forwarded');
  });
});
