// A plugin that needs a real socket or a real server is refused when it is loaded, with an error that says what it asked for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { UnsupportedPluginError } from './connection-facts.ts';
import { load, served } from './lane-bed.ts';
import { MemoryUpstream } from './memory-upstream.ts';
import { PluginLane } from './plugin-lane.ts';

const UNSUPPORTED: Readonly<Record<string, readonly [(app: FastifyInstance) => unknown, RegExp]>> = {
  "listens to the server's upgrade": [(app) => app.server.on('upgrade', () => {}), /event 'upgrade'/],
  'does so from a scope of its own, when ready': [
    (app) => {
      app.register((scope, _options, done) => {
        scope.addHook('onReady', (ready) => {
          scope.server.once('connection', () => {});
          ready();
        });
        done();
      });
    },
    /event 'connection'/,
  ],
  'opens a port': [(app) => app.server.listen(0), /a port of its own/],
  'adds a hook for timeouts of sockets': [
    (app) => {
      app.register((scope, _options, done) => {
        scope.addHook('onTimeout', (_request, _reply, next) => next());
        done();
      });
    },
    /onTimeout hook/,
  ],
  'writes to the socket': [
    (app) =>
      app.addHook('onRequest', (request, _reply, done) => {
        request.raw.socket.write('HTTP/1.1 200 OK\r\n\r\n');
        done();
      }),
    /req\.socket\.write/,
  ],
  'listens to the socket of the response and swallows what is thrown': [
    (app) =>
      app.addHook('onSend', (_request, reply, _payload, done) => {
        try {
          reply.raw.socket?.on('close', () => {});
        } catch {}
        done();
      }),
    /req\.socket\.on/,
  ],
};

describe('at load', () => {
  for (const [what, [register, message]] of Object.entries(UNSUPPORTED)) {
    test(`a plugin is refused that ${what}`, async () => {
      await assert.rejects(PluginLane.load(register), (error: Error) => {
        assert.ok(error instanceof UnsupportedPluginError, String(error));
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('a plugin is not refused that wants the facts of a connection', async (t) => {
    const lane = await load(t, (app) =>
      app.get('/facts', (request) => [
        request.ip,
        request.protocol,
        request.socket.remotePort,
        request.socket.destroyed,
      ]),
    );
    const exchange = await served(lane, { path: '/facts' }, new MemoryUpstream());
    assert.equal(exchange.received.toString(), '["192.0.2.7","http",1234,false]');
  });
});

test('what the trial did not come to fails the request that does, and only that', async (t) => {
  const lane = await load(t, (app) =>
    app.get('/pause', (request) => {
      request.socket.pause();
      return 'paused';
    }),
  );
  const exchange = await served(lane, { path: '/pause' }, new MemoryUpstream());
  assert.equal(exchange.head?.status, 500);
});
