import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { GRPCMethodMatch } from '../../../src/api/generated/grpc-route.ts';
import { compileGrpcMatch } from '../../../src/gatewayapi/grpc-route-match.ts';
import type { Problem } from '../../../src/gatewayapi/object-status.ts';
import { compileLinearRegExp, enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';

before(enableLinearRegExp);

function problemsOf(method: GRPCMethodMatch): string[] {
  const problems: Problem[] = [];
  const match = compileGrpcMatch({ method }, 'm', problems);
  assert.equal(match === undefined, problems.length > 0);
  return problems.map(({ message }) => message);
}

/** Whether the compiled match takes calls to that path. */
function takes(method: GRPCMethodMatch, path: string): boolean {
  const match = compileGrpcMatch({ method }, 'm', []) ?? assert.fail('refused');
  const { type, value } = match.path;
  if (type === 'exact') return path === value;
  if (type === 'prefix') return value === '/' || path === value || path.startsWith(`${value}/`);
  const compiled = compileLinearRegExp(value);
  return compiled instanceof RegExp ? compiled.test(path) : assert.fail(compiled.problem);
}

describe('a match of a gRPC method', () => {
  it('takes the calls that it names, and no others', () => {
    const both = { type: 'Exact', service: 'a.v1.B', method: 'Get' } as const;
    assert.deepEqual(
      ['/a.v1.B/Get', '/a.v1.B/GetAll', '/a_v1.B/Get', '/a.v1.B'].map((path) => takes(both, path)),
      [true, false, false, false],
    );
    const service = { type: 'Exact', service: 'a.v1.B' } as const;
    assert.deepEqual(
      ['/a.v1.B/Get', '/a.v1.B/Put', '/a.v1.Bc/Get'].map((path) => takes(service, path)),
      [true, true, false],
    );
    const method = { type: 'Exact', service: '', method: 'Get' } as const;
    assert.deepEqual(
      ['/a.v1.B/Get', '/Get', '/a/b/Get', '/a.v1.B/GetAll'].map((path) => takes(method, path)),
      [true, false, false, false],
    );
  });

  it('by regular expressions holds for the whole of each name', () => {
    const either = { type: 'RegularExpression', service: 'a|b', method: 'Get|Put' } as const;
    assert.deepEqual(
      ['/a/Get', '/b/Put', '/ab/Get', '/a/GetPut', '/a', '/c/Get'].map((path) => takes(either, path)),
      [true, true, false, false, false, false],
    );
    const anchored = { type: 'RegularExpression', service: '^a.*$' } as const;
    assert.deepEqual(
      ['/a.B/Get', '/b.a/Get'].map((path) => takes(anchored, path)),
      [true, false],
    );
    assert.ok(takes({ type: 'RegularExpression', method: 'Get.*' }, '/any.Service/GetAll'));
  });

  it('is refused where an expression of its own is not sound, though both together would be', () => {
    assert.match(
      problemsOf({ type: 'RegularExpression', service: 'a(', method: ')b' }).join(),
      /m\.method\.service: .*m\.method\.method: /,
    );
  });

  it('is refused where the expressions hold too much', () => {
    assert.match(problemsOf({ type: 'RegularExpression', service: 'a{17}' }).join(), /m\.method\.service: .*linear/);
  });

  it('can not ignore case', () => {
    assert.match(
      problemsOf({ type: 'RegularExpression', method: '(?i)get' }).join(),
      /m\.method\.method: \(\?i\) is not/,
    );
  });
});
