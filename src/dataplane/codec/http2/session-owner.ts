// What a session is told by the side that uses it, and what it tells that side.
import type { SessionMemory } from './session-memory.ts';
import type { FrameStream } from './stream.ts';

/** The side that uses a session. */
export interface SessionOwner {
  /** Of a server: a client opened a stream. Sets its receiver. */
  onRequest(stream: FrameStream, fields: string[], isTooLarge: boolean, endsStream: boolean): void;
  /** A field section has begun whose end has not come yet. */
  onPartialHead(): void;
  onSettings(): void;
  onSettingsAcknowledged(): void;
  onGoaway(lastStreamId: number, code: number): void;
  /** An answer to `ping`. */
  onPong(): void;
  onStreamClosed(stream: FrameStream): void;
  /** The peer broke the protocol. GOAWAY went out, nothing is read any more, and the socket is to be closed. */
  onBreach(message: string): void;
}

export interface SessionOptions {
  readonly isServer: boolean;
  readonly memory: SessionMemory;
  /** What the peer may send of one stream, and of all together, before it is consumed. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Of a server: streams that the client may have at a time. */
  readonly maxConcurrentStreams: number;
  /** Fields of a section, and their text with 32 bytes for each, that are still handed on. */
  readonly maxFieldCount: number;
  readonly maxFieldBytes: number;
  /** Further settings that are announced. */
  readonly settings: readonly (readonly [number, number])[];
}
