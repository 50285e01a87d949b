// A client of another make, in Go: grpcurl. Its requests are of protobuf; the handlers here give back the bytes that they get.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { status } from '@grpc/grpc-js';
import { TestBed } from '../../harness/test-bed.ts';
import { goTool } from '../go-tools.ts';
import { COMBINATIONS, HOST, startStage } from './grpc-gateway.ts';
import type { Stage } from './grpc-gateway.ts';
import type { TestHandlers } from './test-service.ts';

const { path: GRPCURL, skip } = goTool('grpcurl');

const ECHOES: Partial<TestHandlers> = {
  UnaryCall: (call, callback) => callback(null, call.request),
  StreamingOutputCall: (call) => {
    for (let i = 0; i < 3; i++) call.write(call.request);
    call.end();
  },
  FullDuplexCall: (call) => {
    call.on('data', (message: Buffer) => call.write(message));
    call.on('end', () => call.end());
  },
};

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function grpcurl(...args: readonly string[]): Promise<Finished> {
  const folder = ['-import-path', import.meta.dirname, '-proto', 'test-service.proto', '-max-time', '10'];
  return new Promise((resolve) => {
    execFile(GRPCURL, [...folder, ...args], { timeout: 15_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('grpcurl', { timeout: 60_000, skip }, () => {
  for (const combination of COMBINATIONS) {
    const { downstream, upstream } = combination;
    const start = async (t: TestContext): Promise<{ readonly stage: Stage; readonly target: readonly string[] }> => {
      const stage = await startStage(new TestBed(t), { ...combination, server: { handlers: ECHOES } });
      const { address, port } = stage.gateway.address();
      if (downstream === 'plaintext') return { stage, target: ['-plaintext', `${address}:${port}`] };
      const folder = mkdtempSync(join(tmpdir(), 'sluice-grpcurl-'));
      t.after(() => rmSync(folder, { recursive: true }));
      const ca = join(folder, 'ca.pem');
      writeFileSync(ca, stage.caPem);
      return { stage, target: ['-cacert', ca, '-servername', HOST, '-authority', HOST, `${address}:${port}`] };
    };

    test(`calls and streams, ${downstream} to the gateway, ${upstream} to the server`, async (t) => {
      const { stage, target } = await start(t);
      const call = (method: string, data: string): Promise<Finished> =>
        grpcurl('-d', data, ...target, `grpc.testing.TestService/${method}`);
      const text = JSON.stringify({ text: 'naïve 🙂' });
      const texts = (stdout: string): unknown => JSON.parse(`[${stdout.trim().replaceAll('}\n{', '},{')}]`);

      const unary = await call('UnaryCall', text);
      assert.deepEqual([unary.code, texts(unary.stdout)], [0, [JSON.parse(text)]], unary.stderr);
      const outputs = await call('StreamingOutputCall', text);
      assert.deepEqual(
        texts(outputs.stdout),
        Array.from({ length: 3 }, () => JSON.parse(text) as unknown),
      );
      const duplex = await call('FullDuplexCall', '{"text":"a"} {"text":"b"}');
      assert.deepEqual(texts(duplex.stdout), [{ text: 'a' }, { text: 'b' }]);
      const unimplemented = await call('UnimplementedCall', text);
      assert.equal(unimplemented.code, 64 + status.UNIMPLEMENTED, unimplemented.stderr);
      assert.match(unimplemented.stderr, /Code: Unimplemented/);
      assert.equal(stage.gateway.loggedCount, 4);
    });
  }
});
