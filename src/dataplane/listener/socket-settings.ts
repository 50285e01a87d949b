// How a listening socket deals with clients: what its IR listener says, laid over what the engine is configured with. Made once and kept
// while the listener says the same; a connection takes what holds when it is accepted.
import { BlockList, isIPv4 } from 'node:net';
import type { Listener } from '../../ir/listener.ts';
import type { TimeoutQueue, TimerWheel } from '../../lib/timeout-queue.ts';
import { SessionMemory } from '../codec/http2/session-memory.ts';
import type { Http2ServerSettings } from '../codec/http2/server-settings.ts';
import { limitsOf } from '../engine-defaults.ts';
import type { EngineLimits, EngineTimeouts } from '../engine-defaults.ts';

/** What the engine is configured with. */
export interface SettingsDefaults {
  readonly limits: EngineLimits;
  readonly timeouts: EngineTimeouts;
  readonly wheel: TimerWheel;
  /** Whether connections close after the answer they are giving. */
  readonly isDraining: () => boolean;
}

export interface SocketSettings {
  readonly http: Http2ServerSettings;
  /** Open connections; beyond it idle ones are closed to make room, and without any the new one is refused. */
  readonly maxConnections: number;
  /** For the first bytes that tell what a connection carries. */
  readonly arrivalTimeout: TimeoutQueue;
  readonly handshakeTimeoutMs: number;
  /** From where connections begin with a header of the PROXY protocol; undefined: nowhere. */
  readonly proxySources: NetworkList | undefined;
}

export function createSocketSettings(
  { protocol, settings = {} }: Listener,
  defaults: SettingsDefaults,
): SocketSettings {
  const { wheel, isDraining } = defaults;
  const limits = limitsOf(settings, defaults.limits);
  const timeouts = { ...defaults.timeouts, ...settings.timeouts };
  const http: Http2ServerSettings = {
    limits,
    timeouts: {
      head: wheel.queue(timeouts.headMs),
      bodyIdle: wheel.queue(timeouts.bodyIdleMs),
      keepAliveIdle: wheel.queue(timeouts.keepAliveIdleMs),
      writeStall: wheel.queue(timeouts.writeStallMs),
      linger: wheel.queue(timeouts.lingerMs),
    },
    memory: new SessionMemory(),
    isDraining,
  };
  return {
    http,
    maxConnections: limits.maxConnections,
    arrivalTimeout: wheel.queue(protocol === 'TLS' ? timeouts.tlsHandshakeMs : timeouts.headMs),
    handshakeTimeoutMs: timeouts.tlsHandshakeMs,
    proxySources: settings.proxySources && createNetworkList(settings.proxySources),
  };
}

/** @param address as of DownstreamInfo. */
export function isProxySource({ proxySources }: SocketSettings, address: string): boolean {
  const family = familyOf(address);
  return proxySources !== undefined && proxySources[family].check(address, family);
}

/** One list for each family: to a BlockList, IPv4 is a part of IPv6, so that `::/0` would be all of both. */
interface NetworkList {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

function createNetworkList(networks: readonly string[]): NetworkList {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = familyOf(address);
    lists[family].addSubnet(address, Number(prefix), family);
  }
  return lists;
}

function familyOf(address: string): keyof NetworkList {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
