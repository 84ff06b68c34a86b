// One libwebrtc peer of a call; the other runs elsewhere, with the other role. The offerer sends random bytes, the answerer
// sends them back, and the offerer compares.
//
// --role         offer or answer
// --exchange     a directory both can reach: each puts its description there, and each candidate as it is found
// --ice-servers  a JSON list
// --policy       all or relay
// --bytes        how many go there and back

import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import wrtc from '@roamhq/wrtc';
import { Mailbox } from './mailbox.mjs';
import { expect, runScript, within } from './script.mjs';
import { selectedPair } from './selected_pair.mjs';

const CHUNK_BYTES = 16 * 1024;
const BUFFERED_BYTES_MAX = 1024 * 1024;
const OPEN_MS = 20_000;
const TRANSFER_MS = 40_000;
const LIMIT_MS = 90_000;

const names = ['role', 'exchange', 'ice-servers', 'policy', 'bytes'];
runScript(names, async ({ role, exchange, 'ice-servers': iceServers, policy, bytes }) => {
  const connection = new wrtc.RTCPeerConnection({ iceServers: JSON.parse(iceServers), iceTransportPolicy: policy });
  return role === 'offer' ? offer(connection, exchange, Number(bytes)) : answer(connection, exchange);
}, LIMIT_MS);

async function offer(connection, exchange, bytes) {
  const began = performance.now();
  const channel = connection.createDataChannel('call', { ordered: true });
  channel.binaryType = 'arraybuffer';
  const opened = new Promise((resolve) => {
    channel.onopen = resolve;
  });
  const mine = new Mailbox(exchange, 'offer');
  const theirs = new Mailbox(exchange, 'answer');
  mine.trickle(connection);
  await connection.setLocalDescription(await connection.createOffer());
  await mine.give(connection.localDescription);
  await connection.setRemoteDescription(await theirs.take());
  theirs.deliver(connection);
  await within(OPEN_MS, 'the channel to open', opened);
  const openMs = Math.round(performance.now() - began);
  const pair = await selectedPair(connection);
  await thereAndBack(channel, bytes);
  return { openMs, bytes, pair };
}

async function answer(connection, exchange) {
  const mine = new Mailbox(exchange, 'answer');
  const theirs = new Mailbox(exchange, 'offer');
  mine.trickle(connection);
  const ended = new Promise((resolve) => {
    connection.ondatachannel = ({ channel }) => {
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => channel.send(data);
      channel.onclose = resolve;
    };
  });
  await connection.setRemoteDescription(await theirs.take());
  await connection.setLocalDescription(await connection.createAnswer());
  await mine.give(connection.localDescription);
  theirs.deliver(connection);
  await ended;
  return { ended: true };
}

async function thereAndBack(channel, bytes) {
  const sent = randomBytes(bytes);
  const hash = createHash('sha256');
  const returned = new Promise((resolve) => {
    let left = bytes;
    channel.onmessage = ({ data }) => {
      hash.update(Buffer.from(data));
      left -= data.byteLength;
      if (left <= 0) resolve();
    };
  });
  const all = async () => {
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      while (channel.bufferedAmount > BUFFERED_BYTES_MAX) await pause(1);
      channel.send(sent.subarray(at, at + CHUNK_BYTES));
    }
    await returned;
  };
  await within(TRANSFER_MS, `${bytes} bytes to come back`, all());
  expect(hash.digest('hex') === createHash('sha256').update(sent).digest('hex'), 'the bytes that were sent');
}
