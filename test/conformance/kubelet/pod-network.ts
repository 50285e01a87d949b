// A network namespace for each pod, joined by one bridge. Needs a network namespace of the rig's own, in which it may do anything, and a /run
// that nobody else sees: `isolation.ts` gives both.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';

/** Of the bridge; where pods reach what listens in the rig's namespace. */
export const BRIDGE_ADDRESS = '10.244.0.1';
const BRIDGE = 'pods0';
const PREFIX_LENGTH = 16;
const MAX_PODS = 65_000;

export interface PodAddress {
  readonly ip: string;
  /** Name of the network namespace. */
  readonly namespace: string;
}

export class PodNetwork {
  #last = 1;

  async start(): Promise<void> {
    mkdirSync('/run/netns', { recursive: true });
    await shell(
      `ip link add ${BRIDGE} type bridge
      ip address add ${BRIDGE_ADDRESS}/${PREFIX_LENGTH} dev ${BRIDGE}
      ip link set ${BRIDGE} up`,
    );
  }

  /** Addresses are never given twice, so that no client finds another pod behind one that it remembers. */
  async add(): Promise<PodAddress> {
    if (this.#last >= MAX_PODS) throw new Error(`no address left after ${MAX_PODS} pods`);
    this.#last += 1;
    const ip = `10.244.${this.#last >> 8}.${this.#last & 255}`;
    const namespace = `pod-${this.#last}`;
    await shell(
      `ip netns add ${namespace}
      ip link add veth${this.#last} type veth peer name eth0 netns ${namespace}
      ip link set veth${this.#last} master ${BRIDGE} up
      ip -n ${namespace} link set lo up
      ip -n ${namespace} address add ${ip}/${PREFIX_LENGTH} dev eth0
      ip -n ${namespace} link set eth0 up
      ip -n ${namespace} route add default via ${BRIDGE_ADDRESS}`,
    );
    return { ip, namespace };
  }

  /** Takes the link along, which has one end in it. */
  async remove({ namespace }: PodAddress): Promise<void> {
    await shell(`ip netns delete ${namespace}`);
  }
}

async function shell(script: string): Promise<void> {
  await promisify(execFile)('sh', ['-ec', script]);
}
