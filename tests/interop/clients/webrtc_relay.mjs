// Two WebRTC peers in Node that may use nothing but the relay: they find each other, echo, and send data both ways.
//
// --ice-servers  a URL or a JSON list
// --transport    how to reach the relay: udp, tcp or tls; left out, udp
// --library      wrtc (libwebrtc) or werift; left out, wrtc
// --signal       the signaling server; left out, descriptions and candidates are handed over inside this process

import { createHash, randomBytes } from 'node:crypto';
import { iceServersFrom } from './ice_servers.mjs';
import { expect, runScript, within } from './script.mjs';
import { selectedPair } from './selected_pair.mjs';
import { SignalingClient } from './signaling.mjs';

const ECHOES = 100;
const BYTES_EACH_WAY = 1_000_000;
const CHUNK_BYTES = 16 * 1024;
const STEP_MS = 20_000;

runScript(['ice-servers', 'transport', 'library', 'signal'], async (options) => {
  const iceServers = await iceServersFrom(options['ice-servers'], options.transport);
  const RTCPeerConnection = await peerOf(options.library);
  const [a, b] = [0, 1].map(() => new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' }));
  const began = performance.now();
  const channel = a.createDataChannel('interop', { ordered: true });
  const far = within(STEP_MS, 'the channel at the far end', new Promise((resolve) => {
    b.ondatachannel = (event) => resolve(event.channel);
  }));
  if (options.signal) await signalThrough(options.signal, a, b);
  else await signalInside(a, b);
  await within(STEP_MS, 'the channel to open', opened(channel));
  const openMs = Math.round(performance.now() - began);
  const farChannel = await far;

  await echoes(channel, farChannel);
  await Promise.all([transfer(channel, farChannel), transfer(farChannel, channel)]);
  const pairs = [await selectedPair(a), await selectedPair(b)];
  for (const pair of pairs) expect(pair === 'relay/relay', `a relayed pair, not ${pair}`);
  return { openMs, echoes: ECHOES, bytesEachWay: BYTES_EACH_WAY, pairs };
});

async function peerOf(library = 'wrtc') {
  if (library === 'werift') return (await import('werift')).RTCPeerConnection;
  return (await import('@roamhq/wrtc')).default.RTCPeerConnection;
}

function opened(channel) {
  return new Promise((resolve) => {
    if (channel.readyState === 'open') resolve();
    else channel.onopen = resolve;
  });
}

async function signalThrough(url, a, b) {
  const [alice, bob] = await Promise.all([SignalingClient.register(url, 'wrtc-a'), SignalingClient.register(url, 'wrtc-b')]);
  trickle(a, alice, 'wrtc-b');
  trickle(b, bob, 'wrtc-a');
  await a.setLocalDescription(await a.createOffer());
  alice.send({ type: 'offer', from: 'wrtc-a', to: 'wrtc-b', offer: a.localDescription });
  const offer = await bob.next('offer');
  expect(offer.from === 'wrtc-a', `an offer from wrtc-a, not ${offer.from}`);
  await b.setRemoteDescription(offer.offer);
  await b.setLocalDescription(await b.createAnswer());
  bob.send({ type: 'answer', from: 'wrtc-b', to: 'wrtc-a', answer: b.localDescription });
  bob.handle(['ice-candidate'], (message) => b.addIceCandidate(message.candidate));
  await a.setRemoteDescription((await alice.next('answer')).answer);
  alice.handle(['ice-candidate'], (message) => a.addIceCandidate(message.candidate));
}

function trickle(connection, client, to) {
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) client.send({ type: 'ice-candidate', from: client.id, to, candidate });
  };
}

async function signalInside(a, b) {
  handOver(a, b);
  handOver(b, a);
  await a.setLocalDescription(await a.createOffer());
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription(await b.createAnswer());
  await a.setRemoteDescription(b.localDescription);
}

/** Candidates of one peer reach the other as soon as it has a description to put them under. */
function handOver(from, to) {
  const described = new Promise((resolve) => {
    to.onsignalingstatechange = () => to.remoteDescription && resolve();
  });
  from.onicecandidate = async ({ candidate }) => {
    if (!candidate) return;
    await described;
    await to.addIceCandidate(candidate);
  };
}

async function echoes(channel, farChannel) {
  farChannel.onmessage = ({ data }) => farChannel.send(data);
  for (let i = 0; i < ECHOES; i += 1) {
    const echo = new Promise((resolve) => {
      channel.onmessage = ({ data }) => resolve(data);
    });
    channel.send(`echo ${i}`);
    const text = await within(STEP_MS, `echo ${i}`, echo);
    expect(text === `echo ${i}`, `echo ${i}, not ${text}`);
  }
}

async function transfer(from, to) {
  const sent = randomBytes(BYTES_EACH_WAY);
  const hash = createHash('sha256');
  const arrived = new Promise((resolve) => {
    let left = BYTES_EACH_WAY;
    to.onmessage = ({ data }) => {
      hash.update(Buffer.from(data));
      left -= data.byteLength;
      if (left <= 0) resolve();
    };
  });
  for (let at = 0; at < sent.length; at += CHUNK_BYTES) from.send(sent.subarray(at, at + CHUNK_BYTES));
  await within(STEP_MS, `${BYTES_EACH_WAY} bytes`, arrived);
  expect(hash.digest('hex') === createHash('sha256').update(sent).digest('hex'), 'the bytes that were sent');
}
