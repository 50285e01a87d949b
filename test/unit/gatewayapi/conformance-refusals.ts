// What the conformance suite expects to be refused, by the manifest of the test: object, listener or parent, condition, reason.
// Programmed and the Gateway's ResolvedRefs follow from the others.

export const REFUSALS: Readonly<Record<string, readonly string[]>> = {
  'backendtlspolicy-conflict-resolution.yaml': [
    'BackendTLSPolicy conflicted-with-section-name-2: Accepted Conflicted',
    'BackendTLSPolicy conflicted-without-section-name-2: Accepted Conflicted',
  ],
  'backendtlspolicy-invalid-ca-certificate-ref.yaml': [
    'BackendTLSPolicy malformed-ca-certificate-ref: Accepted NoValidCACertificate',
    'BackendTLSPolicy malformed-ca-certificate-ref: ResolvedRefs InvalidCACertificateRef',
    'BackendTLSPolicy nonexistent-ca-certificate-ref: Accepted NoValidCACertificate',
    'BackendTLSPolicy nonexistent-ca-certificate-ref: ResolvedRefs InvalidCACertificateRef',
    'HTTPRoute backendtlspolicy-invalid-ca-certificate-ref at Gateway same-namespace: ResolvedRefs NoValidCACertificate',
  ],
  'backendtlspolicy-invalid-kind.yaml': [
    'BackendTLSPolicy invalid-kind: Accepted NoValidCACertificate',
    'BackendTLSPolicy invalid-kind: ResolvedRefs InvalidKind',
    'HTTPRoute backendtlspolicy-invalid-kind-test at Gateway same-namespace: ResolvedRefs NoValidCACertificate',
  ],
  'gateway-invalid-default-frontend-client-certificate-validation.yaml': [
    'Gateway invalid-default-client-validation-config/https: Accepted NoValidCACertificate',
    'Gateway invalid-default-client-validation-config/https: Programmed Invalid',
    'Gateway invalid-default-client-validation-config/https: ResolvedRefs InvalidCACertificateRef',
    'Gateway invalid-default-client-validation-config: ResolvedRefs ListenersNotResolved',
  ],
  'gateway-invalid-listeners-unsupported-protocol.yaml': [
    'Gateway gateway-only-unsupported-protocols/invalid: Accepted UnsupportedProtocol',
    'Gateway gateway-only-unsupported-protocols/invalid: Programmed Invalid',
    'Gateway gateway-only-unsupported-protocols: Accepted ListenersNotValid',
    'Gateway gateway-only-unsupported-protocols: Programmed Invalid',
    'Gateway gateway-supported-and-unsupported-protocols/invalid: Accepted UnsupportedProtocol',
    'Gateway gateway-supported-and-unsupported-protocols/invalid: Programmed Invalid',
  ],
  'gateway-invalid-parameters-ref.yaml': [
    'Gateway gateway-invalid-parameters-ref/http: Programmed Invalid',
    'Gateway gateway-invalid-parameters-ref: Accepted InvalidParameters',
    'Gateway gateway-invalid-parameters-ref: Programmed Invalid',
  ],
  'gateway-invalid-route-kind.yaml': [
    'Gateway gateway-only-invalid-route-kind/http: Programmed Invalid',
    'Gateway gateway-only-invalid-route-kind/http: ResolvedRefs InvalidRouteKinds',
    'Gateway gateway-only-invalid-route-kind: Programmed Invalid',
    'Gateway gateway-only-invalid-route-kind: ResolvedRefs ListenersNotResolved',
    'Gateway gateway-supported-and-invalid-route-kind/http: ResolvedRefs InvalidRouteKinds',
    'Gateway gateway-supported-and-invalid-route-kind: ResolvedRefs ListenersNotResolved',
  ],
  'gateway-invalid-tls-backend-configuration.yaml': [
    'Gateway gateway-client-certificate-malformed-secret: ResolvedRefs InvalidClientCertificateRef',
    'Gateway gateway-client-certificate-missing-reference-grant: ResolvedRefs RefNotPermitted',
    'Gateway gateway-client-certificate-nonexistent-secret: ResolvedRefs InvalidClientCertificateRef',
    'Gateway gateway-client-certificate-unsupported-group: ResolvedRefs InvalidClientCertificateRef',
    'Gateway gateway-client-certificate-unsupported-kind: ResolvedRefs InvalidClientCertificateRef',
  ],
  'gateway-invalid-tls-configuration.yaml': [
    'Gateway gateway-certificate-malformed-secret/https: Programmed Invalid',
    'Gateway gateway-certificate-malformed-secret/https: ResolvedRefs InvalidCertificateRef',
    'Gateway gateway-certificate-malformed-secret: Programmed Invalid',
    'Gateway gateway-certificate-malformed-secret: ResolvedRefs ListenersNotResolved',
    'Gateway gateway-certificate-nonexistent-secret/https: Programmed Invalid',
    'Gateway gateway-certificate-nonexistent-secret/https: ResolvedRefs InvalidCertificateRef',
    'Gateway gateway-certificate-nonexistent-secret: Programmed Invalid',
    'Gateway gateway-certificate-nonexistent-secret: ResolvedRefs ListenersNotResolved',
    'Gateway gateway-certificate-unsupported-group/https: Programmed Invalid',
    'Gateway gateway-certificate-unsupported-group/https: ResolvedRefs InvalidCertificateRef',
    'Gateway gateway-certificate-unsupported-group: Programmed Invalid',
    'Gateway gateway-certificate-unsupported-group: ResolvedRefs ListenersNotResolved',
    'Gateway gateway-certificate-unsupported-kind/https: Programmed Invalid',
    'Gateway gateway-certificate-unsupported-kind/https: ResolvedRefs InvalidCertificateRef',
    'Gateway gateway-certificate-unsupported-kind: Programmed Invalid',
    'Gateway gateway-certificate-unsupported-kind: ResolvedRefs ListenersNotResolved',
  ],
  'gateway-secret-invalid-reference-grant.yaml': [
    'Gateway gateway-secret-invalid-reference-grant/https: Programmed Invalid',
    'Gateway gateway-secret-invalid-reference-grant/https: ResolvedRefs RefNotPermitted',
    'Gateway gateway-secret-invalid-reference-grant: Programmed Invalid',
    'Gateway gateway-secret-invalid-reference-grant: ResolvedRefs ListenersNotResolved',
  ],
  'gateway-secret-missing-reference-grant.yaml': [
    'Gateway gateway-secret-missing-reference-grant/https-nonexistent-secret: Programmed Invalid',
    'Gateway gateway-secret-missing-reference-grant/https-nonexistent-secret: ResolvedRefs RefNotPermitted',
    'Gateway gateway-secret-missing-reference-grant/https: Programmed Invalid',
    'Gateway gateway-secret-missing-reference-grant/https: ResolvedRefs RefNotPermitted',
    'Gateway gateway-secret-missing-reference-grant: Programmed Invalid',
    'Gateway gateway-secret-missing-reference-grant: ResolvedRefs ListenersNotResolved',
  ],
  'gateway-with-attached-routes.yaml': [
    'Gateway unresolved-gateway-with-one-attached-unresolved-route/tls: Programmed Invalid',
    'Gateway unresolved-gateway-with-one-attached-unresolved-route/tls: ResolvedRefs InvalidCertificateRef',
    'Gateway unresolved-gateway-with-one-attached-unresolved-route: Programmed Invalid',
    'Gateway unresolved-gateway-with-one-attached-unresolved-route: ResolvedRefs ListenersNotResolved',
    'HTTPRoute http-route-4 at Gateway unresolved-gateway-with-one-attached-unresolved-route: ResolvedRefs BackendNotFound',
    'HTTPRoute http-route-not-accepted at Gateway gateway-with-two-attached-routes: Accepted NoMatchingListenerHostname',
  ],
  'gateway-with-invalid-clientcertificate-validation.yaml': [
    'Gateway gateway-with-invalid-client-cert-validation/https-grant-missing: Accepted NoValidCACertificate',
    'Gateway gateway-with-invalid-client-cert-validation/https-grant-missing: Programmed Invalid',
    'Gateway gateway-with-invalid-client-cert-validation/https-grant-missing: ResolvedRefs RefNotPermitted',
    'Gateway gateway-with-invalid-client-cert-validation/https-invalid-kind: Accepted NoValidCACertificate',
    'Gateway gateway-with-invalid-client-cert-validation/https-invalid-kind: Programmed Invalid',
    'Gateway gateway-with-invalid-client-cert-validation/https-invalid-kind: ResolvedRefs InvalidCACertificateKind',
    'Gateway gateway-with-invalid-client-cert-validation/https-unresolved: Accepted NoValidCACertificate',
    'Gateway gateway-with-invalid-client-cert-validation/https-unresolved: Programmed Invalid',
    'Gateway gateway-with-invalid-client-cert-validation/https-unresolved: ResolvedRefs InvalidCACertificateRef',
    'Gateway gateway-with-invalid-client-cert-validation: ResolvedRefs ListenersNotResolved',
  ],
  'httproute-disallowed-kind.yaml': [
    'HTTPRoute disallowed-kind at Gateway tlsroutes-only: Accepted NotAllowedByListeners',
  ],
  'httproute-hostname-intersection.yaml': [
    'HTTPRoute no-intersecting-hosts at Gateway httproute-hostname-intersection: Accepted NoMatchingListenerHostname',
  ],
  'httproute-invalid-backendref-unknown-kind.yaml': [
    'HTTPRoute invalid-backend-ref-unknown-kind at Gateway same-namespace: ResolvedRefs InvalidKind',
  ],
  'httproute-invalid-cross-namespace-backend-ref.yaml': [
    'HTTPRoute invalid-cross-namespace-backend-ref at Gateway same-namespace: ResolvedRefs RefNotPermitted',
  ],
  'httproute-invalid-cross-namespace-parent-ref.yaml': [
    'HTTPRoute invalid-cross-namespace-parent-ref at Gateway same-namespace: Accepted NotAllowedByListeners',
  ],
  'httproute-invalid-nonexistent-backendref.yaml': [
    'HTTPRoute invalid-nonexistent-backend-ref at Gateway same-namespace: ResolvedRefs BackendNotFound',
  ],
  'httproute-invalid-parentref-not-matching-listener-port.yaml': [
    'HTTPRoute httproute-listener-not-matching-route-port at Gateway same-namespace: Accepted NoMatchingParent',
  ],
  'httproute-invalid-parentref-not-matching-section-name.yaml': [
    'HTTPRoute httproute-listener-not-matching-section-name at Gateway same-namespace: Accepted NoMatchingParent',
  ],
  'httproute-invalid-parentref-section-name-not-matching-port.yaml': [
    'HTTPRoute httproute-listener-section-name-not-matching-port at Gateway gateway-with-one-not-matching-port-and-section-name-route: Accepted NoMatchingParent',
  ],
  'httproute-invalid-reference-grant.yaml': [
    'HTTPRoute reference-grant at Gateway same-namespace: ResolvedRefs RefNotPermitted',
  ],
  'httproute-partially-invalid-via-invalid-reference-grant.yaml': [
    'HTTPRoute invalid-reference-grant at Gateway same-namespace: ResolvedRefs RefNotPermitted',
  ],
  'httproute-rule-order.yaml': [
    'HTTPRoute rule-order-invalid-backend at Gateway same-namespace: ResolvedRefs BackendNotFound',
  ],
  'listenerset-allowed-namespace-none.yaml': [
    'ListenerSet listenerset-not-allowed: Accepted NotAllowed',
    'ListenerSet listenerset-not-allowed: Programmed NotAllowed',
  ],
  'listenerset-allowed-namespace-same.yaml': [
    'ListenerSet listenerset-in-different-namespace: Accepted NotAllowed',
    'ListenerSet listenerset-in-different-namespace: Programmed NotAllowed',
  ],
  'listenerset-allowed-namespace-selector.yaml': [
    'ListenerSet listenerset-not-in-selected-namespace: Accepted NotAllowed',
    'ListenerSet listenerset-not-in-selected-namespace: Programmed NotAllowed',
  ],
  'listenerset-allowed-routes-namespaces.yaml': [
    'HTTPRoute route-in-gateway-namespace at ListenerSet listenerset-test-allowed-routes-cross-ns: Accepted NotAllowedByListeners',
  ],
  'listenerset-allowed-routes-supported-kinds.yaml': [
    'ListenerSet listenerset-test-allowed-routes-supported-kinds/listener-set-listener-allowed-routes-tls-only: Programmed Invalid',
    'ListenerSet listenerset-test-allowed-routes-supported-kinds/listener-set-listener-allowed-routes-tls-only: ResolvedRefs InvalidRouteKinds',
    'ListenerSet listenerset-test-allowed-routes-supported-kinds: Accepted ListenersNotValid',
    'ListenerSet listenerset-test-allowed-routes-supported-kinds: Programmed ListenersNotValid',
  ],
  'listenerset-default-not-allowed.yaml': [
    'ListenerSet listenerset-default-not-allowed: Accepted NotAllowed',
    'ListenerSet listenerset-default-not-allowed: Programmed NotAllowed',
  ],
  'listenerset-dual-parentref-independence.yaml': [
    'HTTPRoute route-dual-parentref-one at Gateway gateway-dual-parentref: Accepted NoMatchingParent',
  ],
  'listenerset-gateway-parent-section-name-not-found.yaml': [
    'HTTPRoute route-via-gateway at Gateway gateway-section-name: Accepted NoMatchingParent',
  ],
  'listenerset-hostname-conflict.yaml': [
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-1/hostname-conflict-with-gateway-listener: Accepted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-1/hostname-conflict-with-gateway-listener: Conflicted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-1/hostname-conflict-with-gateway-listener: Programmed HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-2/hostname-conflict-with-gateway-listener: Accepted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-2/hostname-conflict-with-gateway-listener: Conflicted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-2/hostname-conflict-with-gateway-listener: Programmed HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-2: Accepted ListenersNotValid',
    'ListenerSet listenerset-with-hostname-conflict-with-gateway-2: Programmed ListenersNotValid',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-1/hostname-conflict-with-listener-set-listener: Accepted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-1/hostname-conflict-with-listener-set-listener: Conflicted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-1/hostname-conflict-with-listener-set-listener: Programmed HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-2/hostname-conflict-with-listener-set-listener: Accepted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-2/hostname-conflict-with-listener-set-listener: Conflicted HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-2/hostname-conflict-with-listener-set-listener: Programmed HostnameConflict',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-2: Accepted ListenersNotValid',
    'ListenerSet listenerset-with-hostname-conflict-with-listener-set-2: Programmed ListenersNotValid',
  ],
  'listenerset-protocol-conflict.yaml': [
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-1/protocol-conflict-with-gateway-listener: Accepted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-1/protocol-conflict-with-gateway-listener: Conflicted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-1/protocol-conflict-with-gateway-listener: Programmed ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-2/protocol-conflict-with-gateway-listener: Accepted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-2/protocol-conflict-with-gateway-listener: Conflicted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-2/protocol-conflict-with-gateway-listener: Programmed ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-2: Accepted ListenersNotValid',
    'ListenerSet listenerset-with-protocol-conflict-with-gateway-2: Programmed ListenersNotValid',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-1/protocol-conflict-with-listener-set-listener: Accepted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-1/protocol-conflict-with-listener-set-listener: Conflicted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-1/protocol-conflict-with-listener-set-listener: Programmed ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-2/protocol-conflict-with-listener-set-listener: Accepted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-2/protocol-conflict-with-listener-set-listener: Conflicted ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-2/protocol-conflict-with-listener-set-listener: Programmed ProtocolConflict',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-2: Accepted ListenersNotValid',
    'ListenerSet listenerset-with-protocol-conflict-with-listener-set-2: Programmed ListenersNotValid',
  ],
  'listenerset-reference-grant.yaml': [
    'ListenerSet listenerset-without-reference-grant/listenerset-without-reference-grant-listener: Programmed Invalid',
    'ListenerSet listenerset-without-reference-grant/listenerset-without-reference-grant-listener: ResolvedRefs RefNotPermitted',
    'ListenerSet listenerset-without-reference-grant: Accepted ListenersNotValid',
    'ListenerSet listenerset-without-reference-grant: Programmed ListenersNotValid',
  ],
  'tcproute-invalid-backendref-nonexistent.yaml': [
    'TCPRoute tcp-route-invalid-backend-ref-nonexistent at Gateway tcp-gateway-invalid-backend: ResolvedRefs BackendNotFound',
  ],
  'tcproute-invalid-cross-namespace-backend-ref.yaml': [
    'TCPRoute tcp-invalid-cross-namespace-backend-ref at Gateway tcp-invalid-cross-namespace-backend-ref-gateway: ResolvedRefs RefNotPermitted',
  ],
  'tcproute-invalid-non-tcp-listener.yaml': [
    'TCPRoute tcp-route at Gateway tcp-mixed-protocol-gateway: Accepted NotAllowedByListeners',
    'TCPRoute tcp-route at Gateway tcp-mixed-protocol-gateway: ResolvedRefs BackendNotFound',
  ],
  'tlsroute-invalid-backendref-nonexistent.yaml': [
    'TLSRoute invalid-backend-ref-nonexistent at Gateway gateway-tlsroute-invalid-backend-ref-nonexistent: ResolvedRefs BackendNotFound',
  ],
  'tlsroute-invalid-backendref-unknown-kind.yaml': [
    'TLSRoute invalid-backend-ref-unknown-kind at Gateway gateway-tlsroute-invalid-backend-ref-unknown-kind: ResolvedRefs InvalidKind',
  ],
  'tlsroute-invalid-no-matching-listener-hostname.yaml': [
    'TLSRoute tlsroute-hostname-mismatch-1 at Gateway gateway-tls-exact-hostname: Accepted NoMatchingListenerHostname',
    'TLSRoute tlsroute-hostname-mismatch-2 at Gateway gateway-tls-wildcard-hostname: Accepted NoMatchingListenerHostname',
  ],
  'tlsroute-invalid-no-matching-listener.yaml': [
    'TLSRoute tlsroute-no-matching-section-name at Gateway gateway-tlsroute-tls-passthrough-only: Accepted NoMatchingParent',
    'TLSRoute tlsroute-not-allowed-protocol-http at Gateway gateway-tlsroute-http-only: Accepted NotAllowedByListeners',
    'TLSRoute tlsroute-not-allowed-protocol-https at Gateway gateway-tlsroute-https-only: Accepted NotAllowedByListeners',
  ],
  'tlsroute-invalid-reference-grant.yaml': [
    'TLSRoute gateway-conformance-infra-test at Gateway gateway-tlsroute-referencegrant: ResolvedRefs RefNotPermitted',
  ],
  'tlsroute-listener-passthrough-supported-kinds.yaml': [
    'Gateway gateway-tlsroute-passthrough-supported-kind/tls-passthrough: ResolvedRefs InvalidRouteKinds',
    'Gateway gateway-tlsroute-passthrough-supported-kind: ResolvedRefs ListenersNotResolved',
  ],
  'udproute-invalid-backendref-nonexistent.yaml': [
    'UDPRoute udp-route-invalid-backend-ref-nonexistent at Gateway udp-gateway-invalid-backend: ResolvedRefs BackendNotFound',
  ],
  'udproute-invalid-cross-namespace-backend-ref.yaml': [
    'UDPRoute udp-route-invalid-cross-namespace-backend-ref at Gateway udp-gateway-invalid-cross-namespace-backend-ref: ResolvedRefs RefNotPermitted',
  ],
  'udproute-not-allowed-by-listeners.yaml': [
    'UDPRoute udproute-not-allowed-by-listeners at Gateway udproute-tls-only-gateway: Accepted NotAllowedByListeners',
  ],
};
