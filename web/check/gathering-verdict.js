/** What gathered candidates mean. */

import { duration } from './duration.js';
import { explainErrors } from './verdict.js';
import { isPrivateAddress } from './candidate.js';
import { isTurnUri } from './ice-uri.js';

/**
 * @typedef {import('./gathering.js').Gathering} Gathering
 * @typedef {import('./verdict.js').Finding} Finding
 * @typedef {import('./verdict.js').Verdict} Verdict
 */

/**
 * @param {Gathering} gathering
 * @returns {Verdict}
 */
export function gatheringVerdict(gathering) {
  const relays = gathering.candidates.filter(({ type }) => type === 'relay');
  if (!gathering.uris.some(isTurnUri)) return withoutTurn(gathering);
  return relays.length === 0 ? withoutRelay(gathering) : withRelay(gathering, relays);
}

/**
 * @param {Gathering} gathering
 * @returns {Verdict}
 */
function withoutTurn({ uris, candidates, policy }) {
  const reflexive = candidates.some(({ type }) => type === 'srflx');
  /** @type {Finding} */
  const finding = {
    what: uris.length === 0 ? 'No ICE server was given.' : 'There is no TURN server among the ICE servers.',
    mend: 'Peers behind strict NATs or firewalls will not connect: add a turn: server.',
  };
  if (policy === 'relay') return { state: 'failed', headline: 'Relay only, but there is no relay.', findings: [finding] };
  const headline = reflexive ? 'STUN works; there is no relay to fall back on.' : 'Only local candidates; there is no relay to fall back on.';
  return { state: 'warning', headline, findings: [finding] };
}

/**
 * @param {Gathering} gathering
 * @returns {Verdict}
 */
function withoutRelay({ errors, complete }) {
  const findings = explainErrors(errors, isTurnUri);
  if (findings.length === 0) {
    findings.push({
      what: complete ? 'The browser gave up without saying why.' : 'No answer came from the TURN server in time.',
      mend: 'See that the server runs, that its port is open in the firewall for UDP and TCP, and that its address is right.',
    });
  }
  return { state: 'failed', headline: 'No relay: calls that need one will fail.', findings };
}

/**
 * @param {Gathering} gathering
 * @param {import('./gathering.js').Gathered[]} relays
 * @returns {Verdict}
 */
function withRelay({ errors, ms, complete }, relays) {
  const working = new Set(relays.map(({ url }) => url));
  const findings = explainErrors(errors, (url) => !working.has(url));
  if (relays.every(({ relayProtocol }) => relayProtocol === 'tcp' || relayProtocol === 'tls')) {
    findings.push({
      what: 'The relay is reached over TCP only.',
      mend: 'Open the TURN port for UDP too, or offer a URI with ?transport=udp: voice and video suffer on TCP.',
    });
  }
  if (!complete) {
    findings.push({
      what: 'The browser was still trying other servers at the limit.',
      mend: 'Remove servers that do not answer: they slow each call down.',
    });
  }
  const first = Math.min(...relays.map((relay) => relay.ms));
  const fine = findings.length === 0;
  const headline = fine
    ? `The relay works: first candidate after ${duration(first)}, all after ${duration(ms)}.`
    : 'The relay works, but not everything does.';
  return { state: fine ? 'ok' : 'warning', headline, findings: [...findings, ...notes(relays)] };
}

/**
 * @param {import('./gathering.js').Gathered[]} relays
 * @returns {Finding[]}
 */
function notes(relays) {
  const inside = relays.find(({ address }) => isPrivateAddress(address));
  if (!inside) return [];
  const reach = isLoopback(inside.address) ? 'from this machine only' : 'from its own network only';
  return [{
    what: `The relayed address ${inside.address} can be reached ${reach}.`,
    mend: 'That is enough for a trial. For peers elsewhere, give the relay its public address (relay.external_ip).',
  }];
}

/** @param {string} address */
function isLoopback(address) {
  return address.startsWith('127.') || address === '::1';
}
