/**
 * Gathers ICE candidates and says when each came.
 *
 * @typedef {import('./candidate.js').Candidate} Candidate
 * @typedef {import('./ice-error.js').GatheringError} GatheringError
 * @typedef {import('./ice-servers.js').IceServer} IceServer
 *
 * @typedef {Candidate & { ms: number, url: string, relayProtocol: string | null }} Gathered
 *   `ms` since start; `url` is the server it came from, empty for host candidates and where the browser does not tell
 *
 * @typedef {object} Gathering
 * @property {'all' | 'relay'} policy
 * @property {string[]} uris what was asked, without credentials
 * @property {Gathered[]} candidates
 * @property {GatheringError[]} errors
 * @property {number} ms total time
 * @property {boolean} complete false when the browser was still trying at the limit
 */

import { Deferred, TimedOut, within } from './deadline.js';
import { allUris } from './ice-servers.js';
import { parseCandidate } from './candidate.js';

/** Chromium gives a silent server 40 s (measured); nobody waits that long for a call, nor for this page. */
export const GATHERING_LIMIT_MS = 20_000;

/**
 * @param {object} options
 * @param {IceServer[]} options.iceServers
 * @param {'all' | 'relay'} options.policy
 * @param {AbortSignal} options.cancel
 * @param {(candidate: Gathered) => void} options.onCandidate
 * @param {(error: GatheringError) => void} options.onError
 * @param {number} [options.limitMs]
 * @returns {Promise<Gathering>}
 */
export async function gatherCandidates({ iceServers, policy, cancel, onCandidate, onError, limitMs = GATHERING_LIMIT_MS }) {
  const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy });
  /** @type {Gathering} */
  const gathering = { policy, uris: allUris(iceServers), candidates: [], errors: [], ms: 0, complete: true };
  try {
    const started = performance.now();
    const done = collectInto(gathering, connection, started, { onCandidate, onError });
    connection.createDataChannel('gathering');
    await connection.setLocalDescription(await connection.createOffer());
    await within(done, { what: 'end of gathering', limitMs, cancel }).catch((error) => {
      if (!(error instanceof TimedOut)) throw error;
      gathering.complete = false;
    });
    gathering.ms = performance.now() - started;
  } finally {
    connection.close();
  }
  return gathering;
}

/**
 * What a browser's candidate event holds, or null for its end marks.
 *
 * @param {RTCPeerConnectionIceEvent} event
 * @param {number} started
 * @returns {Gathered | null}
 */
export function readCandidateEvent(event, started) {
  if (!event.candidate?.candidate) return null;
  const candidate = parseCandidate(event.candidate.candidate);
  if (!candidate) return null;
  const { url, relayProtocol } = /** @type {any} */ (event.candidate);
  return {
    ms: performance.now() - started,
    ...candidate,
    url: url ?? /** @type {any} */ (event).url ?? '',
    relayProtocol: relayProtocol ?? null,
  };
}

/**
 * @param {RTCPeerConnectionIceErrorEvent} event
 * @param {number} started
 * @returns {GatheringError}
 */
export function readErrorEvent(event, started) {
  const { errorCode, errorText, url, address, port } = event;
  const local = address ? `${address}:${port ?? 0}` : '';
  return { ms: performance.now() - started, code: errorCode, text: errorText ?? '', url: url ?? '', local };
}

/**
 * @param {Gathering} gathering
 * @param {RTCPeerConnection} connection
 * @param {number} started
 * @param {{ onCandidate: (candidate: Gathered) => void, onError: (error: GatheringError) => void }} report
 * @returns {Promise<void>} resolved when the browser has finished
 */
function collectInto(gathering, connection, started, { onCandidate, onError }) {
  /** @type {Deferred<void>} */
  const done = new Deferred();
  connection.addEventListener('icecandidate', (event) => {
    const candidate = readCandidateEvent(event, started);
    if (!candidate) return;
    gathering.candidates.push(candidate);
    onCandidate(candidate);
  });
  connection.addEventListener('icecandidateerror', (event) => {
    const error = readErrorEvent(event, started);
    gathering.errors.push(error);
    onError(error);
  });
  connection.addEventListener('icegatheringstatechange', () => {
    if (connection.iceGatheringState === 'complete') done.resolve();
  });
  return done.promise;
}
