// Response flags: why an answer is not simply the upstream's. Envoy's short names where Envoy has one. A flag is an access-log field
// and a metric label; it is chosen in one place, where a ProxyError becomes a response.

export const RESPONSE_FLAGS = {
  // Nothing was sent upstream.
  NR: 'no route matched the request',
  NC: 'the route names a backend that does not exist or may not be referenced',
  UH: 'the cluster has no healthy endpoint',
  UO: 'a bound of the cluster (connections, pending requests) was reached',
  MR: 'misdirected request: the host is not served on this connection',
  LD: 'loop detected: the request passed this gateway too often',
  // The upstream failed.
  UF: 'no connection to the endpoint could be made',
  UC: 'the upstream closed the connection before the response was complete',
  UR: 'the upstream refused the request before it began to work on it',
  UPE: 'the upstream broke the protocol',
  UT: 'the upstream did not answer within the timeout of one try',
  // The client, or time.
  DC: 'the client closed the connection before the response was complete',
  DPE: 'the client broke the protocol',
  DT: 'the request took longer than its route allows',
  SI: 'the client sent or read nothing for too long',
  // The gateway itself.
  LR: 'local reset: the gateway cut the connection, as the time for draining was over',
  OM: 'overload: the gateway refused the request, as it is short of memory or time',
  IE: 'internal error: a defect of the gateway',
} as const;

export type ResponseFlag = keyof typeof RESPONSE_FLAGS;
