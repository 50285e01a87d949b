// Every byte of DATA is given back to the window of the connection, however its stream ends: a client whose window leaks away can upload
// nothing any more.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { headerList, Http2Endpoint } from '../../harness/http2-endpoint.ts';
import type { RecordedExchange } from '../../harness/http2-endpoint.ts';
import {
  data,
  END_STREAM,
  ERROR,
  frame,
  FRAME,
  headers,
  requestFields,
  rstStream,
  windowUpdate,
} from '../../harness/http2-frames.ts';
import type { FrameClient } from '../../harness/http2-frames.ts';

const PADDED = 0x8;
const WINDOW_BYTES = 1024 * 1024;
const BODY_BYTES = 64_000;
/** Together more than the window, and fewer than a flood. */
const ROUNDS = 40;

interface Round {
  readonly client: FrameClient;
  readonly id: number;
  /** Its request is paused. */
  readonly recorded: RecordedExchange;
}

/** Half of what one request brings. */
function half(id: number, flags = 0): Buffer {
  const piece = Buffer.alloc(BODY_BYTES / 4, 'x');
  return Buffer.concat([data(id, piece), data(id, piece, flags)]);
}

const WAYS: Readonly<Record<string, (round: Round) => Promise<void> | void>> = {
  'a body that nobody has read when the answer ends': async ({ client, id, recorded }) => {
    client.send(half(id), half(id, END_STREAM));
    await client.roundTrip();
    recorded.answer();
  },
  'one of which nothing comes any more when the answer ends': async ({ client, id, recorded }) => {
    client.send(half(id));
    await client.roundTrip();
    recorded.answer();
    client.send(half(id));
  },
  'a whole body whose answer is given up': async ({ client, id, recorded }) => {
    client.send(half(id), half(id, END_STREAM));
    await client.roundTrip();
    recorded.exchange.abort();
  },
  'half a body whose answer is given up, and the other half behind it': async ({ client, id, recorded }) => {
    client.send(half(id));
    await client.roundTrip();
    recorded.exchange.abort();
    client.send(half(id));
  },
  'a whole body that the client resets': async ({ client, id }) => {
    client.send(half(id), half(id, END_STREAM));
    await client.roundTrip();
    client.send(rstStream(id, ERROR.cancel));
  },
  'a body that the client resets before its end': ({ client, id }) => {
    client.send(half(id), half(id), rstStream(id, ERROR.cancel));
  },
  'a body that the client makes us reset in its middle': ({ client, id }) => {
    client.send(half(id), windowUpdate(id, 0), half(id));
  },
  'a body beyond the window of its stream': ({ client, id }) => {
    client.send(half(id), half(id), half(id));
  },
  'a body that is read on late': async ({ client, id, recorded }) => {
    client.send(half(id), half(id, END_STREAM));
    await client.roundTrip();
    recorded.onEnd = () => recorded.answer();
    recorded.exchange.resumeRequest();
  },
  'an end that comes when the answer is complete': async ({ client, id, recorded }) => {
    recorded.exchange.respond({ status: 204, headers: headerList() }, undefined);
    client.send(half(id), half(id, END_STREAM));
    await client.roundTrip();
    recorded.exchange.endResponse();
  },
  padding: ({ client, id, recorded }) => {
    recorded.onEnd = () => recorded.answer();
    recorded.exchange.resumeRequest();
    const padded = frame(FRAME.data, PADDED, id, Buffer.concat([Buffer.of(255), Buffer.alloc(255)]));
    client.send(...Array.from({ length: 200 }, () => padded), data(id, 'x'.repeat(BODY_BYTES - 51_200), END_STREAM));
  },
};

function credit(client: FrameClient): number {
  return client.of(FRAME.windowUpdate, 0).reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);
}

describe('the window of the connection has room again after', () => {
  for (const [what, play] of Object.entries(WAYS)) {
    test(what, async (t) => {
      const endpoint = await Http2Endpoint.start(t, { script: ({ exchange }) => exchange.pauseRequest() });
      const client = await endpoint.frames();
      for (let i = 0; i < ROUNDS; i++) {
        const id = 2 * i + 1;
        client.send(headers(id, requestFields('POST', '/'), 0));
        await play({ client, id, recorded: await endpoint.exchange(i) });
        await client.roundTrip();
        assert.equal(client.isClosed, false, `closed in round ${i}`);
      }
      await endpoint.until('no stream is left', () => endpoint.connections[0]?.isIdle || undefined);
      const sent = ROUNDS * BODY_BYTES;
      await client.roundTrip();
      assert.ok(credit(client) - (WINDOW_BYTES - 65_535) > sent - WINDOW_BYTES / 2, `${credit(client)} of ${sent}`);
    });
  }
});
