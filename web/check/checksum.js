/** CRC-32 as in ISO 3309 (the one of zip and PNG): works without a secure context, unlike `crypto.subtle`. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/**
 * Goes on from `previous`, so that a message can be summed piece by piece.
 *
 * @param {Uint8Array} bytes
 * @param {number} [previous]
 * @returns {number} unsigned, 32 bits
 */
export function crc32(bytes, previous = 0) {
  let value = ~previous;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}
