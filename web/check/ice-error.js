/**
 * What an `icecandidateerror` means. Codes below 700 are STUN error codes
 * (RFC 8489 §14.8, RFC 8656 §19); 701 is the browser's own.
 *
 * @typedef {object} GatheringError
 * @property {number} ms since gathering started
 * @property {number} code
 * @property {string} text as the server or browser worded it
 * @property {string} url the ICE server concerned
 * @property {string} local the local address it was tried from, if the browser tells
 *
 * @typedef {object} Explanation
 * @property {'credentials' | 'unreachable' | 'capacity' | 'refused' | 'address' | 'transport'} kind
 * @property {string} cause
 * @property {string} mend
 */

/** @type {Explanation} */
const CREDENTIALS = {
  kind: 'credentials',
  cause: 'username or credential is wrong, or has expired',
  mend: 'Take fresh credentials; with time-limited ones, see that the shared secret and the clock of the TURN server are right.',
};

/** @type {Map<number, Explanation>} */
const EXPLANATIONS = new Map([
  [300, { kind: 'refused', cause: 'the server sends its clients to another one', mend: 'Use the address of that other server.' }],
  [400, { kind: 'refused', cause: 'the server did not understand the request', mend: 'See that the port belongs to a TURN server and not to another service.' }],
  [401, CREDENTIALS],
  [403, { kind: 'refused', cause: 'the server forbids this client', mend: 'See the allow and deny lists of the TURN server.' }],
  [420, { kind: 'refused', cause: 'the server does not know an attribute the browser sends', mend: 'Update the TURN server.' }],
  [437, { kind: 'refused', cause: 'an allocation from this port exists already', mend: 'Wait a minute and repeat.' }],
  [438, { kind: 'credentials', cause: 'the server keeps refusing its own nonce', mend: 'Behind a load balancer, let all instances share one secret or keep a client on one instance.' }],
  [440, { kind: 'address', cause: 'the server has no address of the family asked for', mend: 'Normal for IPv6 on a server that has IPv4 only.' }],
  [441, CREDENTIALS],
  [442, { kind: 'transport', cause: 'the server does not relay over this transport', mend: 'Use ?transport=udp, or enable it on the server.' }],
  [486, { kind: 'capacity', cause: 'this user has as many allocations as allowed', mend: 'Close other calls of the same user, or raise the quota.' }],
  [500, { kind: 'refused', cause: 'the server failed inside', mend: 'See the log of the TURN server.' }],
  [508, { kind: 'capacity', cause: 'the server has no relay port left, or is full', mend: 'Widen its range of relay ports or add a server.' }],
  [701, { kind: 'unreachable', cause: 'no answer: the name, address or port is wrong, the server is down, or a firewall drops the packets', mend: 'See that the server listens there and that the firewall lets this port through (UDP and TCP each).' }],
]);

/**
 * @param {number} code
 * @returns {Explanation}
 */
export function explainIceError(code) {
  const known = EXPLANATIONS.get(code);
  if (known) return known;
  if (code >= 700) return { kind: 'unreachable', cause: 'the browser could not talk to the server', mend: 'See that its address and port are right.' };
  return { kind: 'refused', cause: `the server refused with code ${code}`, mend: 'See the log of the TURN server.' };
}

/**
 * Whether an error says nothing of the server: browsers try each server from
 * each of their addresses, and a server of one address family cannot be
 * reached from an address of the other.
 *
 * @param {GatheringError} error
 */
export function isOtherFamily({ code, local, url }) {
  const fromIpv6 = local.replace(/:\d+$/, '').includes(':');
  const toIpv4 = /:\d+\.\d+\.\d+\.\d+(:|\?|$)/.test(url);
  return code === 440 || (code === 701 && fromIpv6 && toIpv4);
}
