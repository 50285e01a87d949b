import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxConnectionsByDescriptors } from '../../../../src/app/worker/descriptor-limit.ts';

const limits = (
  descriptors: string,
): string => `Limit                     Soft Limit           Hard Limit           Units
Max resident set          unlimited            unlimited            bytes
Max open files            ${descriptors}                 4096                 files
`;

test('two thirds of what is left of the descriptors', () => {
  assert.equal(maxConnectionsByDescriptors(limits('1024')), 640);
  assert.equal(maxConnectionsByDescriptors(limits('20')), 1);
});

test('no limit where the kernel names none', () => {
  assert.equal(maxConnectionsByDescriptors(limits('unlimited')), Infinity);
  assert.equal(maxConnectionsByDescriptors(''), Infinity);
});

test('the limit of this process can be read', () => {
  assert.ok(maxConnectionsByDescriptors() > 0);
});
