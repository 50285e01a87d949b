// What a listening socket knows of the connections it accepted, whatever they carry.

export interface DownstreamConnection {
  /** Closing it loses nothing. */
  readonly isIdle: boolean;
  /** performance.now(); undefined while it is not idle. */
  readonly idleSinceMs: number | undefined;
  /** Closes at once if idle; otherwise when what it does is done. */
  drain(): void;
  destroy(): void;
}
