// What users asked an API server for, as the server's own audit log tells: each right that was used, and each that was refused.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: { readonly apiGroup?: string; readonly resource: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number };
}

export interface Audit {
  /** As `rightOf` writes them. */
  readonly used: ReadonlySet<string>;
  readonly refused: ReadonlySet<string>;
}

const FORBIDDEN = 403;
const CREATED = 201;

/** `patch gateway.networking.k8s.io/gateways/status`; the core group has no name. */
export function rightOf(verb: string, group: string, resource: string): string {
  return `${verb} ${group}/${resource}`;
}

export class AuditLog {
  readonly #path: string;
  /** For kube-apiserver. */
  readonly flags: Readonly<Record<string, string>>;

  constructor(folder: string, users: readonly string[]) {
    this.#path = join(folder, 'audit.log');
    const policy = join(folder, 'audit-policy.yaml');
    writeFileSync(
      policy,
      `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    users: ${JSON.stringify(users)}
  - level: None
`,
    );
    this.flags = { 'audit-log-path': this.#path, 'audit-policy-file': policy };
  }

  read(who: string): Audit {
    const used = new Set<string>();
    const refused = new Set<string>();
    // The last line may be under way.
    for (const line of readFileSync(this.#path, 'utf8').split('\n').slice(0, -1)) {
      const { user, verb, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
      if (objectRef === undefined || user.username !== who) continue;
      const { apiGroup = '', resource, subresource } = objectRef;
      const name = subresource === undefined ? resource : `${resource}/${subresource}`;
      const right = rightOf(verb, apiGroup, name);
      (responseStatus?.code === FORBIDDEN ? refused : used).add(right);
      // What is applied and is not there yet takes the right to create it, too.
      if (verb === 'patch' && responseStatus?.code === CREATED) used.add(rightOf('create', apiGroup, name));
    }
    return { used, refused };
  }
}
