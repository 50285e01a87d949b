// The audit log of an API server: how it is told to keep one, and what stands in it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** audit.k8s.io/v1, with the fields that tests look at. */
export interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  /** At level RequestResponse. */
  readonly responseObject?: {
    readonly metadata?: { readonly uid?: string };
    readonly status?: Readonly<Record<string, unknown>>;
  };
}

/** @param rule which requests are logged, and how: YAML, the content of one item of a Policy's rules; nothing else is. */
export function auditFlags(folder: string, rule: string): Readonly<Record<string, string>> {
  const policy = join(folder, 'audit-policy.yaml');
  writeFileSync(
    policy,
    `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - ${rule}
  - level: None
`,
  );
  return { 'audit-log-path': auditLog(folder), 'audit-policy-file': policy };
}

export function auditLog(folder: string): string {
  return join(folder, 'audit.log');
}

export function readAuditLog(path: string): AuditEvent[] {
  // The last line may be under way.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AuditEvent);
}
