// The constants of HTTP/2 framing (RFC 9113 sections 4, 6 and 7).

export const FRAME_HEADER_BYTES = 9;
/** What a frame may carry unless the receiver says that it takes more. */
export const DEFAULT_MAX_FRAME_BYTES: number = 16 * 1024;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES: number = 2 ** 31 - 1;
export const MAX_STREAM_ID: number = 2 ** 31 - 1;

export const FRAME = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

export const FLAG = {
  none: 0,
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

export const SETTING = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const;

export const ERROR = {
  none: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSize: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compression: 0x9,
  connect: 0xa,
  enhanceYourCalm: 0xb,
} as const;
