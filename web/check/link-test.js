/**
 * Connects two peers in this page through the server's signaling, relay-only,
 * and passes data both ways.
 *
 * @typedef {import('./channel-session.js').Transfer} Transfer
 * @typedef {import('./ice-error.js').GatheringError} GatheringError
 * @typedef {import('./ice-servers.js').IceServer} IceServer
 * @typedef {import('./selected-pair.js').SelectedPair} SelectedPair
 * @typedef {import('./steps.js').Step} Step
 *
 * @typedef {object} RoundTrips
 * @property {number} count
 * @property {number} medianMs
 * @property {number} minMs
 * @property {number} maxMs
 *
 * @typedef {object} LinkResult
 * @property {Step[]} steps
 * @property {string | null} failedStep
 * @property {string} error empty when all went well
 * @property {string} mend what the failing part itself advises, else empty
 * @property {string[]} uris
 * @property {string[]} relayed the relayed addresses both ends were given
 * @property {GatheringError[]} iceErrors
 * @property {Transfer | null} aToB
 * @property {Transfer | null} bToA
 * @property {RoundTrips | null} roundTrips
 * @property {SelectedPair | null} pair as a sees it
 * @property {number} ms
 */

import { ChannelSession, median } from './channel-session.js';
import { LinkPeer } from './link-peer.js';
import { Signaling } from './signaling.js';
import { StepRun } from './steps.js';
import { allUris } from './ice-servers.js';
import { describeEnd, selectedPair } from './selected-pair.js';
import { duration } from './duration.js';
import { socketAddress } from './candidate.js';

export const TRANSFER_BYTES = 1024 * 1024;
const PING_COUNT = 20;

/** @type {readonly import('./steps.js').StepPlan[]} */
export const LINK_PLAN = [
  { id: 'servers', title: 'ICE servers', limitMs: 12_000 },
  { id: 'signaling', title: 'Signaling opened', limitMs: 10_000 },
  { id: 'registered', title: 'Both peers registered', limitMs: 5_000 },
  { id: 'offer', title: 'Offer passed on', limitMs: 5_000 },
  { id: 'answer', title: 'Answer passed on', limitMs: 5_000 },
  { id: 'relay', title: 'Relay allocated for both', limitMs: 20_000 },
  { id: 'ice', title: 'ICE connected', limitMs: 20_000 },
  { id: 'dtls', title: 'DTLS handshake', limitMs: 10_000 },
  { id: 'channel', title: 'Data channel open', limitMs: 10_000 },
  { id: 'a-to-b', title: '1 MiB from a to b', limitMs: 30_000 },
  { id: 'b-to-a', title: '1 MiB from b to a', limitMs: 30_000 },
  { id: 'round-trips', title: `${PING_COUNT} round trips`, limitMs: 20_000 },
  { id: 'pair', title: 'Path in use', limitMs: 5_000 },
];

/**
 * @param {object} options
 * @param {(cancel: AbortSignal) => Promise<IceServer[]>} options.iceServers
 * @param {URL} options.signaling
 * @param {AbortSignal} options.cancel
 * @param {(steps: Step[]) => void} options.onChange
 * @returns {Promise<LinkResult>} also when a step fails; throws only when cancelled
 */
export async function testLink({ iceServers, signaling, cancel, onChange }) {
  const run = new StepRun(LINK_PLAN, { cancel, onChange });
  /** @type {LinkPeer[]} */
  const peers = [];
  const result = emptyResult(run);
  try {
    const servers = await run.step('servers', () => iceServers(cancel), (list) => count(allUris(list).length, 'URI'));
    result.uris = allUris(servers);
    const [a, b] = await openPeers(run, signaling, servers, peers);
    await connect(run, a, b);
    await exercise(run, a, b, result);
  } catch (error) {
    cancel.throwIfAborted();
    result.error = error instanceof Error ? error.message : String(error);
    result.mend = /** @type {any} */ (error).mend ?? '';
  } finally {
    for (const peer of peers) peer.close();
  }
  result.failedStep = run.failed?.id ?? null;
  const relays = peers.flatMap((peer) => peer.candidates.filter(({ type }) => type === 'relay'));
  result.relayed = relays.map(({ address, port }) => socketAddress(address, port));
  result.iceErrors = peers.flatMap((peer) => peer.errors);
  result.ms = performance.now() - run.started;
  return result;
}

/**
 * @param {StepRun} run
 * @returns {LinkResult}
 */
function emptyResult(run) {
  return {
    steps: run.steps, failedStep: null, error: '', mend: '', uris: [], relayed: [], iceErrors: [],
    aToB: null, bToA: null, roundTrips: null, pair: null, ms: 0,
  };
}

/**
 * @param {StepRun} run
 * @param {URL} url
 * @param {IceServer[]} iceServers
 * @param {LinkPeer[]} peers filled at once, so that whatever happens they are closed
 */
async function openPeers(run, url, iceServers, peers) {
  const name = `check-${randomName()}`;
  for (const end of ['a', 'b']) {
    peers.push(new LinkPeer(new Signaling(url, `${name}-${end}`), { iceServers, policy: 'relay' }));
  }
  const [a, b] = peers.map((peer) => peer.signaling);
  await run.step('signaling', () => Promise.all([a.opened.promise, b.opened.promise]), () => url.host);
  await run.step('registered', () => {
    a.register();
    b.register();
    return Promise.all([a.registered.promise, b.registered.promise]);
  }, () => `${a.id}, ${b.id}`);
  return peers;
}

/**
 * @param {StepRun} run
 * @param {LinkPeer} a offers
 * @param {LinkPeer} b answers
 */
async function connect(run, a, b) {
  const refused = Promise.race([a.signaling.failure.promise, b.signaling.failure.promise]);
  const both = (/** @type {'firstRelay' | 'iceConnected' | 'secured'} */ milestone) => () =>
    Promise.race([Promise.all([a[milestone].promise, b[milestone].promise]), refused]);
  await run.step('offer', async () => {
    await a.offerTo(b.signaling.id);
    await Promise.race([b.described.promise, refused]);
  });
  await run.step('answer', async () => {
    await b.answer();
    await Promise.race([a.acceptAnswer(), refused]);
  });
  await run.step('relay', both('firstRelay'), (/** @type {any} */ relays) =>
    relays.map((/** @type {any} */ { address, port }) => socketAddress(address, port)).join(' and '));
  await run.step('ice', both('iceConnected'));
  await run.step('dtls', both('secured'));
}

/**
 * @param {StepRun} run
 * @param {LinkPeer} a
 * @param {LinkPeer} b
 * @param {LinkResult} result
 */
async function exercise(run, a, b, result) {
  const channels = await run.step('channel', () => Promise.all([a.channel.promise, b.channel.promise]));
  const [fromA, fromB] = channels.map((channel) => new ChannelSession(channel));
  result.aToB = await run.step('a-to-b', () => intactTransfer(fromA), describeTransfer);
  result.bToA = await run.step('b-to-a', () => intactTransfer(fromB), describeTransfer);
  result.roundTrips = await run.step('round-trips', async () => summarise(await fromA.ping(PING_COUNT)), ({ medianMs, maxMs }) =>
    `median ${duration(medianMs)}, slowest ${duration(maxMs)}`);
  result.pair = await run.step('pair', async () => selectedPair((await a.connection.getStats()).values()), describePair);
}

/** @param {ChannelSession} session */
async function intactTransfer(session) {
  const transfer = await session.transfer(TRANSFER_BYTES);
  if (!transfer.intact) throw new Error('the checksum at the other end differs');
  return transfer;
}

/** @param {Transfer} transfer */
function describeTransfer({ bitsPerSecond }) {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s, checksum equal`;
}

/** @param {SelectedPair | null} pair */
function describePair(pair) {
  return pair ? `${describeEnd(pair.local)} to ${describeEnd(pair.remote)}` : 'the browser does not tell';
}

/**
 * @param {number[]} times
 * @returns {RoundTrips}
 */
function summarise(times) {
  return { count: times.length, medianMs: median(times), minMs: Math.min(...times), maxMs: Math.max(...times) };
}

/** Eight letters and digits: enough that two devices never meet under one name. */
function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => (byte % 36).toString(36)).join('');
}

/**
 * @param {number} number
 * @param {string} noun
 */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
