// What users asked an API server for, as the server's own audit log tells: each right that was used, and each that was refused.
import { auditFlags, auditLog, readAuditLog } from '../../conformance/audit-log.ts';

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
    this.#path = auditLog(folder);
    this.flags = auditFlags(folder, `{ level: Metadata, users: ${JSON.stringify(users)} }`);
  }

  read(who: string): Audit {
    const used = new Set<string>();
    const refused = new Set<string>();
    for (const { user, verb, objectRef, responseStatus } of readAuditLog(this.#path)) {
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
