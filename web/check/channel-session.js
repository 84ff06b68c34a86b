/**
 * What both ends say on the data channel. Text is a JSON control message,
 * binary is payload:
 *
 *     {"kind":"ping","n":1}                      → {"kind":"pong","n":1}
 *     {"kind":"transfer","bytes":B}, B bytes     → {"kind":"received","bytes":B,"crc32":C}
 *
 * Each end answers by itself: neither knows that the other is in the same page.
 *
 * @typedef {object} Transfer
 * @property {number} bytes
 * @property {number} ms from the first byte queued until the receipt came
 * @property {number} bitsPerSecond
 * @property {boolean} intact the receiver's checksum equals the sender's
 */

import { Deferred } from './deadline.js';
import { crc32 } from './checksum.js';

/** 16 KiB: the largest message that every browser passes in one piece. */
const CHUNK_BYTES = 16 * 1024;
const QUEUE_HIGH_BYTES = 256 * 1024;
const QUEUE_LOW_BYTES = 64 * 1024;

export class ChannelSession {
  /** @param {RTCDataChannel} channel */
  constructor(channel) {
    this.channel = channel;
    channel.bufferedAmountLowThreshold = QUEUE_LOW_BYTES;
    /** @type {{ expected: number, bytes: number, crc32: number } | null} */
    this.receiving = null;
    /** @type {Map<string, Deferred<any>>} waiting for an answer, by kind */
    this.waiting = new Map();
    this.closed = new Deferred();
    channel.addEventListener('message', ({ data }) => this.#handleMessage(data));
    channel.addEventListener('close', () => this.closed.reject(new Error('the data channel closed')));
  }

  /**
   * Sends random bytes and waits for their receipt. The caller bounds the wait.
   *
   * @param {number} bytes
   * @returns {Promise<Transfer>}
   */
  async transfer(bytes) {
    const payload = randomBytes(bytes);
    const sum = crc32(payload);
    const receipt = this.#answer('received');
    const started = performance.now();
    this.#say({ kind: 'transfer', bytes });
    for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
      if (this.channel.bufferedAmount > QUEUE_HIGH_BYTES) await this.#drained();
      this.channel.send(payload.subarray(offset, offset + CHUNK_BYTES));
    }
    const received = await receipt;
    const ms = performance.now() - started;
    const intact = received.bytes === bytes && received.crc32 === sum;
    return { bytes, ms, bitsPerSecond: Math.round((bytes * 8000) / ms), intact };
  }

  /**
   * Round trips, one after another.
   *
   * @param {number} count
   * @returns {Promise<number[]>} milliseconds each
   */
  async ping(count) {
    const times = [];
    for (let n = 0; n < count; n += 1) {
      const started = performance.now();
      const pong = this.#answer('pong');
      this.#say({ kind: 'ping', n });
      await pong;
      times.push(performance.now() - started);
    }
    return times;
  }

  /** @param {object} message */
  #say(message) {
    this.channel.send(JSON.stringify(message));
  }

  /** @param {string} kind */
  #answer(kind) {
    const deferred = new Deferred();
    this.waiting.set(kind, deferred);
    return Promise.race([deferred.promise, this.closed.promise]);
  }

  #drained() {
    /** @type {Deferred<void>} */
    const drained = new Deferred();
    this.channel.addEventListener('bufferedamountlow', () => drained.resolve(), { once: true });
    return Promise.race([drained.promise, this.closed.promise]);
  }

  /** @param {string | ArrayBuffer} data */
  #handleMessage(data) {
    if (typeof data !== 'string') return this.#handlePayload(new Uint8Array(data));
    const message = JSON.parse(data);
    if (message.kind === 'ping') return this.#say({ kind: 'pong', n: message.n });
    if (message.kind === 'transfer') {
      this.receiving = { expected: message.bytes, bytes: 0, crc32: 0 };
      return;
    }
    this.waiting.get(message.kind)?.resolve(message);
  }

  /** @param {Uint8Array} payload */
  #handlePayload(payload) {
    if (!this.receiving) return;
    this.receiving.bytes += payload.length;
    this.receiving.crc32 = crc32(payload, this.receiving.crc32);
    if (this.receiving.bytes < this.receiving.expected) return;
    const { bytes, crc32: sum } = this.receiving;
    this.receiving = null;
    this.#say({ kind: 'received', bytes, crc32: sum });
  }
}

/**
 * The middle of a list of measurements.
 *
 * @param {number[]} values not empty
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {number} count */
function randomBytes(count) {
  const bytes = new Uint8Array(count);
  // 65,536 is the most that one call fills.
  for (let offset = 0; offset < count; offset += 65536) crypto.getRandomValues(bytes.subarray(offset, offset + 65536));
  return bytes;
}
