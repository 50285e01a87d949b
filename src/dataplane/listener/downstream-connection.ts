// What a listening socket knows of the connections it accepted, whatever they carry.

export interface DownstreamConnection {
  /** Closing it loses nothing. */
  readonly isIdle: boolean;
  /** Closes at once if idle; otherwise when what it does is done. */
  drain(): void;
  destroy(): void;
}
