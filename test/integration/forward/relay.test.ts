// Messages as Node's own HTTP client and server read and write them, through the gateway.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestListener, RequestOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { request } from '../../harness/http1-attack.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';

async function gatewayTo(bed: TestBed, onRequest: RequestListener): Promise<RunningEngine> {
  const server = createServer(onRequest);
  server.on('checkContinue', onRequest);
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  bed.atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return await bed.gateway((server.address() as AddressInfo).port);
}

function ask(gateway: RunningEngine, options: RequestOptions): ClientRequest {
  const { address, port } = gateway.address();
  return httpRequest({ host: address, port, path: '/', ...options });
}

async function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return answer;
}

describe('relay', { timeout: 30_000 }, () => {
  test('1 000 pipelined requests are answered in order', async (t) => {
    const bed = new TestBed(t);
    const gateway = await gatewayTo(bed, (incoming, answer) => {
      void text(incoming).then((body) => answer.end(`${incoming.method} ${incoming.url} ${body}\n`));
    });
    const client = await bed.client(gateway);
    const expected: string[] = [];
    const requests = Array.from({ length: 1_000 }, (_, i) => {
      const body = i % 3 === 0 ? '' : `body ${i}`;
      const method = body === '' ? 'GET' : 'POST';
      expected.push(`${method} /${i} ${body}\n`);
      if (body === '') return request(`GET /${i}`);
      if (i % 3 === 1) return request(`POST /${i}`, [`Content-Length: ${body.length}`], body);
      return request(
        `POST /${i}`,
        ['Transfer-Encoding: chunked'],
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      );
    });
    client.send(requests.join(''));
    await client.untilText('/999 \n', 10_000);
    assert.deepEqual(
      client.responses().map((response) => response.body.toString()),
      expected,
    );
  });

  test('trailers pass both ways', async (t) => {
    const bed = new TestBed(t);
    const gateway = await gatewayTo(bed, (incoming, answer) => {
      void text(incoming).then((body) => {
        answer.setHeader('trailer', 'x-sum');
        answer.write(body);
        answer.addTrailers({ 'x-sum': `${incoming.trailers['x-part']} ${body.length}` });
        answer.end();
      });
    });
    const outgoing = ask(gateway, {
      method: 'POST',
      headers: { te: 'trailers', connection: 'te', trailer: 'x-part', 'transfer-encoding': 'chunked' },
    });
    outgoing.write('hello');
    outgoing.addTrailers({ 'x-part': 'seven' });
    outgoing.end();
    const answer = await answerTo(outgoing);
    assert.equal(await text(answer), 'hello');
    assert.deepEqual({ ...answer.trailers }, { 'x-sum': 'seven 5' });
  });

  test('trailers are dropped for a client that did not say it takes them', async (t) => {
    const bed = new TestBed(t);
    const gateway = await gatewayTo(bed, (_, answer) => {
      answer.write('hello');
      answer.addTrailers({ 'x-sum': '5' });
      answer.end();
    });
    const outgoing = ask(gateway, {});
    outgoing.end();
    const answer = await answerTo(outgoing);
    assert.equal(await text(answer), 'hello');
    assert.deepEqual({ ...answer.trailers }, {});
  });

  test('103 and its fields', async (t) => {
    const bed = new TestBed(t);
    const gateway = await gatewayTo(bed, (_, answer) => {
      answer.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => answer.end('done'));
    });
    const outgoing = ask(gateway, {});
    const informed = once(outgoing, 'information') as Promise<[{ statusCode: number; headers: { link: string } }]>;
    outgoing.end();
    const answer = await answerTo(outgoing);
    const [{ statusCode, headers }] = await informed;
    assert.deepEqual([statusCode, headers.link], [103, '</style.css>; rel=preload']);
    assert.equal(await text(answer), 'done');
  });

  test("a body that waits for the upstream's 100", async (t) => {
    const bed = new TestBed(t);
    const events: string[] = [];
    const gateway = await gatewayTo(bed, (incoming, answer) => {
      events.push('head');
      setImmediate(() => {
        events.push('100');
        answer.writeContinue();
        void text(incoming).then((body) => answer.end(body));
      });
    });
    const outgoing = ask(gateway, { method: 'POST', headers: { expect: '100-continue', 'content-length': 5 } });
    outgoing.on('continue', () => {
      events.push('body');
      outgoing.end('hello');
    });
    outgoing.flushHeaders();
    const answer = await answerTo(outgoing);
    assert.equal(await text(answer), 'hello');
    assert.deepEqual(events, ['head', '100', 'body']);
  });

  for (const [method, status, headers, expected] of [
    ['HEAD', 200, { 'content-length': '12345' }, { 'content-length': '12345' }],
    ['GET', 304, { 'content-length': '12345', etag: '"x"' }, { 'content-length': '12345', etag: '"x"' }],
    ['GET', 204, { etag: '"x"' }, { etag: '"x"' }],
    ['POST', 205, { 'content-length': '0' }, { 'content-length': '0' }],
  ] as const) {
    test(`${method} ${status} ${JSON.stringify(headers)}: no body, and the connection goes on`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await gatewayTo(bed, (_, answer) => answer.writeHead(status, headers).end());
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      bed.atEnd(() => agent.destroy());
      for (const isReused of [false, true]) {
        const outgoing = ask(gateway, { method, agent });
        // Only then is the socket free for the next request.
        const closed = once(outgoing, 'close');
        outgoing.end();
        const answer = await answerTo(outgoing);
        assert.equal(answer.statusCode, status);
        assert.equal(await text(answer), '');
        for (const [name, value] of Object.entries(expected)) assert.equal(answer.headers[name], value);
        assert.equal(answer.headers['transfer-encoding'], undefined);
        assert.equal(outgoing.reusedSocket, isReused);
        await closed;
      }
    });
  }
});
