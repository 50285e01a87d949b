// What the other side said about itself in SETTINGS (RFC 9113 section 6.5), and how ours are written.
import { DEFAULT_MAX_FRAME_BYTES, DEFAULT_WINDOW_BYTES, ERROR, MAX_WINDOW_BYTES, SETTING } from './frame.ts';

const ENTRY_BYTES = 6;
const LARGEST_FRAME_BYTES: number = 2 ** 24 - 1;

export class PeerSettings {
  headerTableBytes = 4_096;
  allowsPush = true;
  maxConcurrentStreams: number = Infinity;
  initialWindowBytes: number = DEFAULT_WINDOW_BYTES;
  maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES;
  allowsExtendedConnect = false;

  /** Takes over a payload of whole entries; unknown ones mean nothing. Returns the code of the error that it is, or ERROR.none. */
  read(buffer: Buffer, start: number, end: number): number {
    for (let position = start; position < end; position += ENTRY_BYTES) {
      const value = buffer.readUInt32BE(position + 2);
      switch (buffer.readUInt16BE(position)) {
        case SETTING.headerTableSize:
          this.headerTableBytes = value;
          break;
        case SETTING.enablePush:
          if (value > 1) return ERROR.protocol;
          this.allowsPush = value === 1;
          break;
        case SETTING.maxConcurrentStreams:
          this.maxConcurrentStreams = value;
          break;
        case SETTING.initialWindowSize:
          if (value > MAX_WINDOW_BYTES) return ERROR.flowControl;
          this.initialWindowBytes = value;
          break;
        case SETTING.maxFrameSize:
          if (value < DEFAULT_MAX_FRAME_BYTES || value > LARGEST_FRAME_BYTES) return ERROR.protocol;
          this.maxFrameBytes = value;
          break;
        case SETTING.enableConnectProtocol:
          // It may not be taken back (RFC 8441 section 3).
          if (value > 1 || (value === 0 && this.allowsExtendedConnect)) return ERROR.protocol;
          this.allowsExtendedConnect = value === 1;
          break;
      }
    }
    return ERROR.none;
  }
}

/** @param entries identifier, value, … */
export function settingsPayload(entries: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(entries.length * ENTRY_BYTES);
  entries.forEach(([identifier, value], i) => {
    payload.writeUInt16BE(identifier, i * ENTRY_BYTES);
    payload.writeUInt32BE(value, i * ENTRY_BYTES + 2);
  });
  return payload;
}
