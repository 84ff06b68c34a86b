import assert from 'node:assert/strict';
import test from 'node:test';

import { ChannelSession, median } from '../../check/channel-session.js';
import { crc32 } from '../../check/checksum.js';

/** One end of a channel that queues what it sends and empties its queue later, as a real one does. */
class FakeChannel extends EventTarget {
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  peak = 0;
  /** @type {FakeChannel | null} */
  other = null;
  /** @param {Uint8Array} bytes */
  carry = (bytes) => bytes;

  /** @param {string | Uint8Array} message */
  send(message) {
    const size = message.length;
    const copy = typeof message === 'string' ? message : this.carry(message.slice()).buffer;
    this.bufferedAmount += size;
    this.peak = Math.max(this.peak, this.bufferedAmount);
    setImmediate(() => {
      this.bufferedAmount -= size;
      this.other?.dispatchEvent(Object.assign(new Event('message'), { data: copy }));
      if (this.bufferedAmount <= this.bufferedAmountLowThreshold) this.dispatchEvent(new Event('bufferedamountlow'));
    });
  }
}

function sessions() {
  const [a, b] = [new FakeChannel(), new FakeChannel()];
  a.other = b;
  b.other = a;
  return { a, b, fromA: new ChannelSession(/** @type {any} */ (a)), fromB: new ChannelSession(/** @type {any} */ (b)) };
}

test('the checksum is CRC-32, whole or in pieces', () => {
  const bytes = new TextEncoder().encode('123456789');
  assert.equal(crc32(bytes), 0xcbf43926);
  assert.equal(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4))), 0xcbf43926);
  assert.equal(crc32(new Uint8Array()), 0);
});

test('a transfer arrives whole both ways and the queue stays bounded', async () => {
  const { a, fromA, fromB } = sessions();
  const bytes = 1024 * 1024 + 5;
  const [there, back] = [await fromA.transfer(bytes), await fromB.transfer(bytes)];
  assert.ok(there.intact && back.intact);
  assert.equal(there.bytes, bytes);
  assert.ok(a.peak <= 256 * 1024 + 2 * 16 * 1024, String(a.peak));
});

test('one changed bit is noticed', async () => {
  const { a, fromA } = sessions();
  a.carry = (bytes) => {
    bytes[3] ^= 1;
    return bytes;
  };
  assert.equal((await fromA.transfer(40_000)).intact, false);
});

test('a channel that closes ends the wait', async () => {
  const { a, fromA } = sessions();
  a.other = null;
  const transfer = fromA.transfer(100);
  a.dispatchEvent(new Event('close'));
  await assert.rejects(transfer, /closed/);
});

test('round trips are measured one after another', async () => {
  const times = await sessions().fromA.ping(20);
  assert.equal(times.length, 20);
  assert.ok(times.every((time) => time >= 0));
});

test('the median of odd and even counts', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});
