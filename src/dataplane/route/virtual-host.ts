// Which virtual host of a Listener serves a request. TLS server name and Host are looked up in the same index, so that a request
// is never served under another virtual host's certificate and client rules than its own (RFC 9110 section 15.5.20).
import type { HostnameIndex } from './hostname-index.ts';

/** The virtual host, or the ProxyErrorCode: `misdirected` becomes 421, `route_not_found` 404. */
export type VirtualHostChoice<V> = V | 'misdirected' | 'route_not_found';

/**
 * `serverName` is what the TLS handshake named, in the form of a host; undefined on plaintext listeners and for handshakes that named
 * nothing: then Host alone decides.
 */
export function chooseVirtualHost<V extends object>(
  virtualHosts: HostnameIndex<V>,
  serverName: string | undefined,
  host: string,
): VirtualHostChoice<V> {
  const chosen = virtualHosts.find(host);
  if (chosen === undefined) return 'route_not_found';
  if (serverName === undefined || serverName === host || virtualHosts.find(serverName) === chosen) return chosen.value;
  return 'misdirected';
}
