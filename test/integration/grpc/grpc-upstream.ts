// A gRPC server by grpc-js, which ends with the test: the test service, with the handlers that a test puts in the place of the default ones.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Metadata, ServerOptions } from '@grpc/grpc-js';
import type { KeyPair } from '../../harness/certificate-authority.ts';
import { Conditions } from '../../harness/deadline.ts';
import { ADDRESS } from '../../harness/resources.ts';
import type { TestBed } from '../../harness/test-bed.ts';
import { DEFAULT_HANDLERS, TEST_SERVICE } from './test-service.ts';
import type { TestHandlers } from './test-service.ts';

export interface UpstreamSetup {
  readonly handlers?: Partial<TestHandlers>;
  readonly options?: ServerOptions;
  /** Absent: plaintext. */
  readonly tls?: KeyPair;
}

/** What the server's side of a call has in common. */
export interface ReceivedCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  /** Of the calls whose request is one message. */
  readonly request?: Buffer;
  on(event: 'cancelled', listener: () => void): unknown;
}

export class GrpcUpstream {
  readonly server: Server;
  readonly port: number;
  readonly calls: ReceivedCall[] = [];
  readonly #conditions = new Conditions();

  private constructor(server: Server, port: number, handlers: TestHandlers) {
    this.server = server;
    this.port = port;
    server.addService(TEST_SERVICE, { ...this.#recorded(handlers) });
  }

  static async listen(bed: TestBed, { handlers, options, tls }: UpstreamSetup = {}): Promise<GrpcUpstream> {
    const server = new Server(options);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`${ADDRESS}:0`, credentials(tls), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    bed.atEnd(() => server.forceShutdown());
    return new GrpcUpstream(server, port, { ...DEFAULT_HANDLERS, ...handlers });
  }

  /** The nth call that came, from 0. */
  async call(index: number): Promise<ReceivedCall> {
    return await this.#conditions.until(`call ${index}`, () => this.calls[index]);
  }

  /** The nth call was given up by whoever made it. */
  async untilCancelled(index: number): Promise<void> {
    await this.#conditions.until(`call ${index} is cancelled`, () => this.calls[index]?.cancelled || undefined);
  }

  #recorded(handlers: TestHandlers): TestHandlers {
    const record = (call: ReceivedCall): void => {
      this.calls.push(call);
      call.on('cancelled', () => this.#conditions.changed());
      this.#conditions.changed();
    };
    const recording = <C extends ReceivedCall, R extends unknown[]>(
      handler: (call: C, ...rest: R) => void,
    ): ((call: C, ...rest: R) => void) => {
      return (call, ...rest) => {
        handler(call, ...rest);
        record(call);
      };
    };
    return {
      EmptyCall: recording(handlers.EmptyCall),
      UnaryCall: recording(handlers.UnaryCall),
      StreamingInputCall: recording(handlers.StreamingInputCall),
      StreamingOutputCall: recording(handlers.StreamingOutputCall),
      FullDuplexCall: recording(handlers.FullDuplexCall),
    };
  }
}

function credentials(tls: KeyPair | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(null, [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.chain) }]);
}
