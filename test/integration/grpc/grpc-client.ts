// A gRPC client by grpc-js on a channel of its own, without retries. A call's outcome is a value, whatever its status.
import type { EventEmitter } from 'node:events';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type {
  CallOptions,
  ChannelOptions,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  StatusObject,
} from '@grpc/grpc-js';
import type { TestBed } from '../../harness/test-bed.ts';
import type { WireAddress } from '../../harness/wire-client.ts';
import { asIs, SERVICE } from './test-service.ts';

export interface ClientSetup {
  readonly options?: ChannelOptions;
  /** What the server must prove to be, by which authority; absent: plaintext. */
  readonly tls?: { readonly serverName: string; readonly caPem: string };
}

export interface CallSetup extends CallOptions {
  /** `/service/method`; default: the test service's method of the call's kind. */
  readonly path?: string;
  readonly metadata?: Metadata;
}

export interface Outcome {
  readonly status: StatusObject;
  /** Undefined where none came before the status. */
  readonly initial: Metadata | undefined;
  readonly messages: readonly Buffer[];
}

/** A call that goes on, and what it will come to. */
export interface OpenCall<C> {
  readonly call: C;
  readonly outcome: Promise<Outcome>;
}

export class GrpcClient {
  readonly #client: Client;

  constructor(bed: TestBed, { address, port }: WireAddress, { options, tls }: ClientSetup = {}) {
    const own: ChannelOptions = {
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      ...(tls === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName }),
    };
    const secured = tls === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(tls.caPem));
    this.#client = new Client(`${address}:${port}`, secured, { ...own, ...options });
    bed.atEnd(() => this.#client.close());
  }

  async unary(message: Buffer, setup?: CallSetup): Promise<Outcome> {
    return await this.openUnary(message, setup).outcome;
  }

  async outputs(message: Buffer, setup?: CallSetup): Promise<Outcome> {
    return await this.openOutputs(message, setup).outcome;
  }

  openUnary(
    message: Buffer,
    { path = pathOf('UnaryCall'), metadata, ...options }: CallSetup = {},
  ): OpenCall<ClientUnaryCall> {
    const answer = new Answer();
    const call = this.#client.makeUnaryRequest(
      path,
      asIs,
      asIs,
      message,
      metadata ?? new Metadata(),
      options,
      answer.take,
    );
    return { call, outcome: answer.outcome(call) };
  }

  openInputs({ path = pathOf('StreamingInputCall'), metadata, ...options }: CallSetup = {}): OpenCall<
    ClientWritableStream<Buffer>
  > {
    const answer = new Answer();
    const call = this.#client.makeClientStreamRequest(
      path,
      asIs,
      asIs,
      metadata ?? new Metadata(),
      options,
      answer.take,
    );
    return { call, outcome: answer.outcome(call) };
  }

  openOutputs(
    message: Buffer,
    { path = pathOf('StreamingOutputCall'), metadata, ...options }: CallSetup = {},
  ): OpenCall<ClientReadableStream<Buffer>> {
    const call = this.#client.makeServerStreamRequest(path, asIs, asIs, message, metadata ?? new Metadata(), options);
    return { call, outcome: new Answer().outcome(call) };
  }

  openDuplex({ path = pathOf('FullDuplexCall'), metadata, ...options }: CallSetup = {}): OpenCall<
    ClientDuplexStream<Buffer, Buffer>
  > {
    const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, metadata ?? new Metadata(), options);
    return { call, outcome: new Answer().outcome(call) };
  }
}

export function pathOf(method: string): string {
  return `/${SERVICE}/${method}`;
}

class Answer {
  readonly #messages: Buffer[] = [];

  /** Of the calls whose answer is one message; their status is also emitted. */
  readonly take = (_error: unknown, message?: Buffer): void => {
    if (message !== undefined) this.#messages.push(message);
  };

  async outcome(call: EventEmitter): Promise<Outcome> {
    let initial: Metadata | undefined;
    call.on('metadata', (metadata: Metadata) => (initial = metadata));
    call.on('data', (message: Buffer) => this.#messages.push(message));
    // The status says the same.
    call.on('error', () => {});
    const status = await new Promise<StatusObject>((resolve) => call.on('status', resolve));
    return { status, initial, messages: this.#messages };
  }
}
