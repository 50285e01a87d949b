import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkAuthorship } from '../../conformance/authorship.ts';

const OURS = 'system:serviceaccount:sluice-system:sluice';
const folder = mkdtempSync(join(tmpdir(), 'sluice-authorship-'));
after(() => rmSync(folder, { recursive: true }));

interface Write {
  readonly user: string;
  readonly status: object;
  readonly code?: number;
}

function check(...writes: readonly Write[]): ReturnType<typeof checkAuthorship> {
  const log = join(folder, 'audit.log');
  const lines = writes.map(({ user, status, code = 200 }) =>
    JSON.stringify({
      user: { username: user },
      objectRef: { resource: 'gateways', namespace: 'a', name: 'b' },
      responseStatus: { code },
      responseObject: { metadata: { uid: '1' }, status },
    }),
  );
  writeFileSync(log, `${lines.join('\n')}\n`);
  return checkAuthorship(log, OURS);
}

const accepted = (status: string): object => ({ type: 'Accepted', status, reason: 'x', message: 'y' });
const foreign = { type: 'example.com/Foreign', status: 'True', reason: 'x', message: 'y' };

describe('checkAuthorship', () => {
  it('lets others add what is theirs, as long as ours stays', () => {
    const { wrong, writes } = check(
      { user: OURS, status: { conditions: [accepted('True')] } },
      { user: 'admin', status: { conditions: [foreign, accepted('True')] } },
      { user: OURS, status: { conditions: [foreign, accepted('False')] } },
    );
    assert.deepEqual([wrong, writes], [[], 2]);
  });

  it('finds a condition of ours by somebody else', () => {
    assert.equal(check({ user: 'admin', status: { conditions: [accepted('True')] } }).wrong.length, 1);
    const changed = check(
      { user: OURS, status: { conditions: [accepted('False')] } },
      { user: 'admin', status: { conditions: [accepted('True')] } },
    );
    assert.match(changed.wrong[0] ?? '', /admin wrote .*True/);
  });

  it('finds it in listeners and parents, and not in those of other controllers', () => {
    const entry = (controllerName: string): object => ({
      parents: [{ controllerName, parentRef: { name: 'g' }, conditions: [accepted('True')] }],
    });
    assert.equal(check({ user: 'x', status: entry('sluice.dev/gateway-controller') }).wrong.length, 1);
    assert.equal(check({ user: 'x', status: entry('example.com/other') }).wrong.length, 0);
    assert.equal(
      check({ user: 'x', status: { listeners: [{ name: 'l', conditions: [accepted('True')] }] } }).wrong.length,
      1,
    );
  });

  it('takes no heed of defaults and of writes that were refused', () => {
    const { wrong } = check(
      { user: 'x', status: { conditions: [accepted('Unknown')] } },
      { user: 'x', status: { conditions: [accepted('True')] }, code: 409 },
    );
    assert.deepEqual(wrong, []);
  });
});
