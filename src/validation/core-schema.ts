// Schemas of the fields that Sluice reads of core kinds, with the API server's defaults and limits. Other fields of these
// kinds are dropped.
import type { Schema } from '../api/schema.ts';

const TEXT: Schema = { type: 'string' };
const BOOLEAN: Schema = { type: 'boolean' };
const TEXTS: Schema = { type: 'object', additionalProperties: TEXT };
const BASE64_TEXTS: Schema = { type: 'object', additionalProperties: { type: 'string', format: 'byte' } };
const PORT_NUMBER: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
const PROTOCOL: Schema = { type: 'string', default: 'TCP', enum: ['TCP', 'UDP', 'SCTP'] };

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;

const SERVICE: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      properties: {
        type: {
          type: 'string',
          default: 'ClusterIP',
          enum: ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'],
        },
        clusterIP: TEXT,
        externalName: TEXT,
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
          items: {
            type: 'object',
            required: ['port'],
            properties: {
              name: { type: 'string', maxLength: 63 },
              port: PORT_NUMBER,
              targetPort: { 'x-kubernetes-int-or-string': true },
              protocol: PROTOCOL,
              appProtocol: TEXT,
            },
          },
        },
      },
    },
  },
};

const ENDPOINT_SLICE: Schema = {
  type: 'object',
  required: ['addressType'],
  properties: {
    addressType: { type: 'string', enum: ['IPv4', 'IPv6', 'FQDN'] },
    endpoints: {
      type: 'array',
      maxItems: MAX_ENDPOINTS,
      items: {
        type: 'object',
        required: ['addresses'],
        properties: {
          addresses: { type: 'array', minItems: 1, maxItems: MAX_ADDRESSES, items: TEXT },
          conditions: { type: 'object', properties: { ready: BOOLEAN, serving: BOOLEAN, terminating: BOOLEAN } },
          hostname: TEXT,
          zone: TEXT,
        },
      },
    },
    ports: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string', default: '' },
          port: PORT_NUMBER,
          protocol: PROTOCOL,
          appProtocol: TEXT,
        },
      },
    },
  },
};

/** By kind. */
export const CORE_SCHEMAS: Readonly<Record<string, Schema>> = {
  Namespace: { type: 'object' },
  Secret: {
    type: 'object',
    properties: { type: { type: 'string', default: 'Opaque' }, data: BASE64_TEXTS, stringData: TEXTS },
  },
  ClusterTrustBundle: {
    type: 'object',
    required: ['spec'],
    properties: {
      spec: { type: 'object', required: ['trustBundle'], properties: { signerName: TEXT, trustBundle: TEXT } },
    },
  },
  ConfigMap: { type: 'object', properties: { data: TEXTS, binaryData: BASE64_TEXTS } },
  Service: SERVICE,
  EndpointSlice: ENDPOINT_SLICE,
};
