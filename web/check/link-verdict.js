/** What a link test means. */

import { duration } from './duration.js';
import { explainErrors } from './verdict.js';
import { isPrivateAddress } from './candidate.js';
import { isTurnUri } from './ice-uri.js';

/**
 * @typedef {import('./link-test.js').LinkResult} LinkResult
 * @typedef {import('./verdict.js').Finding} Finding
 * @typedef {import('./verdict.js').Verdict} Verdict
 */

/** Above this, people talk over each other (ITU-T G.114 takes 150 ms one way as the limit of comfort). */
const SLOW_ROUND_TRIP_MS = 300;
const SLOW_BITS_PER_SECOND = 1_000_000;

/** @type {Record<string, { headline: string, mend: string }>} */
const FAILURES = {
  servers: { headline: 'There are no ICE servers to test with.', mend: 'See whether the server still answers.' },
  signaling: {
    headline: 'The signaling WebSocket does not open.',
    mend: 'Let the proxy pass upgrades on /ws (Upgrade and Connection headers), and see that this page’s origin is allowed and a token, if one is needed, is given.',
  },
  registered: { headline: 'Signaling does not register the peers.', mend: 'Give a token above if the server wants one; else see its log.' },
  offer: { headline: 'The offer does not reach the other peer.', mend: 'See the log of the signaling server.' },
  answer: { headline: 'The answer does not come back.', mend: 'See the log of the signaling server.' },
  relay: { headline: 'The relay gives no address.', mend: 'See that the TURN server runs and its port is open for UDP and TCP.' },
  ice: {
    headline: 'Both peers have a relay, but nothing passes between the two.',
    mend: 'Open the range of relay ports (49152 to 65535, UDP) in the firewall, and see that the relay may reach its own public address.',
  },
  dtls: {
    headline: 'ICE connects, but the DTLS handshake does not end.',
    mend: 'Small packets pass and large ones do not: look for a tunnel or VPN with a small MTU on the way to the relay.',
  },
  channel: { headline: 'The data channel does not open.', mend: 'See whether the link is lost right after it connects: the relay’s log says why an allocation ended.' },
  'a-to-b': { headline: 'Data does not get through whole.', mend: 'Look for a bandwidth limit or quota of the relay, and for loss on the way.' },
  'b-to-a': { headline: 'Data passes one way only.', mend: 'Look for a bandwidth limit or quota of the relay, and for loss on the way.' },
  'round-trips': { headline: 'The link fell silent.', mend: 'See the relay’s log: an allocation or a permission may have ended early.' },
  pair: { headline: 'The link works, but its path is unknown.', mend: 'Repeat the test.' },
};

/**
 * @param {LinkResult} result
 * @returns {Verdict}
 */
export function linkVerdict(result) {
  if (result.failedStep === null && result.error === '') return success(result);
  const { headline, mend } = FAILURES[result.failedStep ?? ''] ?? { headline: 'The test itself failed.', mend: 'Repeat it; if it stays, report it with the results below.' };
  const findings = [...causes(result), ...iceCauses(result)];
  if (findings.length === 0) findings.push({ what: sentence(result.error), mend: result.mend || mend });
  return { state: 'failed', headline, findings };
}

/**
 * @param {LinkResult} result
 * @returns {Verdict}
 */
function success({ aToB, bToA, roundTrips, pair }) {
  /** @type {Finding[]} */
  const findings = [];
  const slowest = Math.min(aToB?.bitsPerSecond ?? 0, bToA?.bitsPerSecond ?? 0);
  if (slowest < SLOW_BITS_PER_SECOND) {
    findings.push({ what: `Only ${(slowest / 1e6).toFixed(2)} Mbit/s get through.`, mend: 'Enough for voice, not for video: look for a bandwidth limit of the relay or of this network.' });
  }
  const rtt = roundTrips?.medianMs ?? 0;
  if (rtt > SLOW_ROUND_TRIP_MS) {
    findings.push({ what: `A round trip takes ${duration(rtt)}.`, mend: 'Conversations will feel slow: use a relay nearer to the people.' });
  }
  const leg = pair?.local.relayProtocol;
  if (leg === 'tcp' || leg === 'tls') {
    findings.push({ what: `This browser reaches the relay over ${leg.toUpperCase()}, not UDP.`, mend: 'Open the TURN port for UDP too: voice and video suffer on TCP.' });
  }
  const headline = findings.length === 0
    ? `Two peers talk through the relay: 1 MiB each way intact, ${duration(rtt)} per round trip.`
    : 'Two peers talk through the relay, but not as well as they could.';
  return { state: findings.length === 0 ? 'ok' : 'warning', headline, findings };
}

/**
 * Causes that the error itself gives away.
 *
 * @param {LinkResult} result
 * @returns {Finding[]}
 */
function causes({ failedStep, error, uris, relayed }) {
  if (/^Error: Agent .* not found$/.test(error)) {
    return [{
      what: 'Signaling does not know the peer that has just registered.',
      mend: 'Several instances behind a load balancer must share a bus, or a client must stay on one instance.',
    }];
  }
  if (failedStep === 'relay' && !uris.some(isTurnUri)) {
    return [{ what: 'There is no TURN server among the ICE servers.', mend: 'Add one, or start the server with the relay role.' }];
  }
  const inside = relayed.find((address) => isPrivateAddress(address.replace(/^\[/, '')));
  if (failedStep === 'ice' && inside) {
    return [{
      what: `The relayed address ${inside} is a private or loopback one, which relays refuse as a peer unless allowed.`,
      mend: 'Give the relay its public address (relay.external_ip), or allow this network in its peer policy.',
    }];
  }
  return [];
}

/**
 * @param {LinkResult} result
 * @returns {Finding[]}
 */
function iceCauses({ failedStep, iceErrors }) {
  return failedStep === 'relay' ? explainErrors(iceErrors, isTurnUri) : [];
}

/** @param {string} text */
function sentence(text) {
  const trimmed = text.replace(/^Error: /, '');
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
