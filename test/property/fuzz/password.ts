// Something to find for the fuzzer: each byte is compared in a block of its own.

export function password(bytes: Buffer): boolean {
  if (bytes[0] === 0x7e) {
    if (bytes[1] === 0x21) {
      if (bytes[2] === 0x25) {
        if (bytes[3] === 0x7e) {
          return bytes[4] === 0x3f;
        }
      }
    }
  }
  return false;
}
