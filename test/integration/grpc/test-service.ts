// The service of gRPC's interop tests, by hand: messages are plain bytes. A request begins with the size of the message that is wanted
// back, in four bytes; that for a stream of messages is a list of such sizes.
import { Metadata } from '@grpc/grpc-js';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServerUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js';

export const SERVICE = 'grpc.testing.TestService';

/** Metadata that the default handlers send back, in front of the messages and behind them. */
export const ECHO_INITIAL = 'x-grpc-test-echo-initial';
export const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';

const SIZE_BYTES = 4;

export interface TestHandlers {
  readonly EmptyCall: handleUnaryCall<Buffer, Buffer>;
  readonly UnaryCall: handleUnaryCall<Buffer, Buffer>;
  readonly StreamingInputCall: handleClientStreamingCall<Buffer, Buffer>;
  readonly StreamingOutputCall: handleServerStreamingCall<Buffer, Buffer>;
  readonly FullDuplexCall: handleBidiStreamingCall<Buffer, Buffer>;
}

export const TEST_SERVICE: ServiceDefinition<TestHandlers> = {
  EmptyCall: method('EmptyCall', false, false),
  UnaryCall: method('UnaryCall', false, false),
  StreamingInputCall: method('StreamingInputCall', true, false),
  StreamingOutputCall: method('StreamingOutputCall', false, true),
  FullDuplexCall: method('FullDuplexCall', true, true),
};

export const DEFAULT_HANDLERS: TestHandlers = {
  EmptyCall: (_call, callback) => callback(null, Buffer.alloc(0)),
  UnaryCall: (call, callback) => {
    echoInitial(call);
    callback(null, payload(firstSize(call.request)), echoTrailing(call));
  },
  StreamingInputCall: (call, callback) => {
    let bytes = 0;
    call.on('data', (message: Buffer) => (bytes += message.length));
    call.on('end', () => callback(null, sizes(bytes)));
  },
  StreamingOutputCall: (call) => {
    for (let i = 0; i < call.request.length; i += SIZE_BYTES) call.write(payload(call.request.readUInt32BE(i)));
    call.end();
  },
  FullDuplexCall: (call) => {
    echoInitial(call);
    call.on('data', (message: Buffer) => call.write(payload(firstSize(message))));
    call.on('end', () => call.end(echoTrailing(call)));
  },
};

/** Bytes that differ from place to place, the same for the same size. */
export function payload(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

/** A request for messages of these sizes, or an answer that is a number. */
export function sizes(...wanted: readonly number[]): Buffer {
  const message = Buffer.alloc(wanted.length * SIZE_BYTES);
  for (const [index, size] of wanted.entries()) message.writeUInt32BE(size, index * SIZE_BYTES);
  return message;
}

/** A request of so many bytes for one message. */
export function paddedRequest(bytes: number, wantedSize: number): Buffer {
  const message = payload(bytes);
  message.writeUInt32BE(wantedSize);
  return message;
}

export function metadata(...entries: readonly (readonly [name: string, value: string | Buffer])[]): Metadata {
  const made = new Metadata();
  for (const [name, value] of entries) made.add(name, value);
  return made;
}

function firstSize(request: Buffer): number {
  return request.length < SIZE_BYTES ? 0 : request.readUInt32BE();
}

type AnsweredCall = Pick<ServerUnaryCall<Buffer, Buffer>, 'metadata' | 'sendMetadata'>;

function echoInitial(call: AnsweredCall): void {
  const values = call.metadata.get(ECHO_INITIAL);
  if (values.length > 0) call.sendMetadata(metadata(...values.map((value) => [ECHO_INITIAL, value] as const)));
}

function echoTrailing(call: AnsweredCall): Metadata {
  return metadata(...call.metadata.get(ECHO_TRAILING).map((value) => [ECHO_TRAILING, value] as const));
}

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/${SERVICE}/${name}`,
    requestStream,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

export function asIs(message: Buffer): Buffer {
  return message;
}
