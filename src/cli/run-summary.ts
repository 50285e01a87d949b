// What a gateway that has started tells people: where it listens, what it serves, what is wrong, and how to try it.
import type { AdminAddress } from '../admin/admin.ts';
import type { BoundListener, StartedGateway } from '../app/control/control-plane.ts';
import type { Listener, VirtualHost } from '../ir/listener.ts';
import { countsText, plural } from './object-text.ts';

export interface RunSummary {
  readonly version: string;
  readonly started: StartedGateway;
  readonly demo: boolean;
}

const DEMO_REQUESTS = 100;
/** Of one port; a Gateway may have 64 listeners. */
const MAX_VIRTUAL_HOSTS = 5;

export function runSummary({ version, started, demo }: RunSummary): string {
  const { admin, listeners, unavailablePorts, objects, skipped, problems } = started;
  const rows: (readonly [string, string])[] = [
    ...listeners.map((listener) => [listenerUrl(listener), virtualHostsText(listener.config.virtualHosts)] as const),
    ...Array.from(unavailablePorts, ([port, why]) => [`port ${port}`, `NOT SERVED: ${why}`] as const),
    ...(listeners.length + unavailablePorts.size === 0 ? [['no listeners', 'no Gateway asks for one'] as const] : []),
    [adminUrl(admin), `admin API; sluice status --admin ${adminUrl(admin)} asks it`],
    ['manifests', countsText(objects)],
    ...(Object.keys(skipped).length === 0 ? [] : [['skipped', countsText(skipped)] as const]),
    ...(problems.length === 0
      ? []
      : [['problems', `${problems.length}; sluice validate shows ${problems.length === 1 ? 'it' : 'them'}`] as const]),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = [
    `Sluice ${version} is running.`,
    '',
    ...rows.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`),
  ];
  const [target] = demo ? listeners.filter(isForAnyHttp) : [];
  if (target !== undefined)
    lines.push('', 'Try it: this counts which of two demo servers answers.', '', `  ${demoCommand(target)}`);
  return ['', ...lines, ''].join('\n');
}

/** curl asks for the URL with each of these numbers, over one connection. */
function demoCommand(listener: BoundListener): string {
  return `curl -s '${listenerUrl(listener)}/?[1-${DEMO_REQUESTS}]' | grep servedBy | sort | uniq -c`;
}

function isForAnyHttp({ config }: BoundListener): boolean {
  return config.protocol === 'HTTP' && config.virtualHosts.some(({ hostname }) => hostname === '*');
}

function listenerUrl({ config, port }: BoundListener): string {
  return `${schemeOf(config)}://localhost:${port}`;
}

function schemeOf({ protocol, virtualHosts }: Listener): string {
  if (protocol !== 'TLS') return protocol.toLowerCase();
  return virtualHosts.some(({ traffic }) => traffic === 'http') ? 'https' : 'tls';
}

function adminUrl({ host, port }: AdminAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `shop/web/http (*.example.com)` */
function virtualHostsText(virtualHosts: readonly VirtualHost[]): string {
  const shown = virtualHosts
    .slice(0, MAX_VIRTUAL_HOSTS)
    .map(({ name, hostname }) => (hostname === '*' ? name : `${name} (${hostname})`));
  const rest = virtualHosts.length - shown.length;
  return [...shown, ...(rest === 0 ? [] : [`and ${plural(rest, 'more listener')}`])].join(', ');
}
