// Fields by which a request could claim to be somebody, to come from somewhere or to be known already. Only this gateway or a hop that
// it trusts may say so; from a client they are dropped, as header and as trailer.

/** @param name lower case. */
export function isClientClaim(name: string): boolean {
  return (
    name === 'forwarded' ||
    name === 'x-real-ip' ||
    name === 'x-request-id' ||
    name.startsWith('x-forwarded-') ||
    name.startsWith('x-envoy-') ||
    name.startsWith('x-jwt-') ||
    name.startsWith('l5d-')
  );
}
