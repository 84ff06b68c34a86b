/**
 * ICE candidates as text: RFC 8839 §5.1 (syntax), RFC 8445 §5.1.2.1 (priority),
 * RFC 6544 §4.5 (tcptype).
 *
 * @typedef {'host' | 'srflx' | 'prflx' | 'relay'} CandidateType
 *
 * @typedef {object} Priority
 * @property {number} type type preference, 0 to 126
 * @property {number} local local preference, 0 to 65535
 * @property {number} component component id, 1 for a data channel
 *
 * @typedef {object} Candidate
 * @property {string} foundation
 * @property {number} component
 * @property {'udp' | 'tcp'} protocol
 * @property {number} priority as sent, 32 bits
 * @property {string} address IPv4, IPv6 or an mDNS name
 * @property {number} port
 * @property {CandidateType} type
 * @property {string | null} tcpType active, passive or so
 * @property {string | null} relatedAddress
 * @property {number | null} relatedPort
 */

/** @type {Record<string, string>} */
const TYPE_NAMES = {
  host: 'Host',
  srflx: 'Server reflexive',
  prflx: 'Peer reflexive',
  relay: 'Relay',
};

/**
 * Reads one candidate line, with or without `a=` before it.
 *
 * @param {string} line
 * @returns {Candidate | null} null when it is not a candidate
 */
export function parseCandidate(line) {
  const fields = line.trim().replace(/^a=/, '').replace(/^candidate:/, '').split(/\s+/);
  if (fields.length < 8 || fields[6] !== 'typ') return null;
  const [foundation, component, transport, priority, address, port, , type] = fields;
  const protocol = transport.toLowerCase();
  const numbers = [component, priority, port].map(Number);
  if (!numbers.every((number) => Number.isInteger(number) && number >= 0)) return null;
  if (!Object.hasOwn(TYPE_NAMES, type) || (protocol !== 'udp' && protocol !== 'tcp')) return null;
  const extensions = extensionPairs(fields.slice(8));
  const relatedPort = extensions.get('rport');
  return {
    foundation,
    component: numbers[0],
    protocol,
    priority: numbers[1],
    address,
    port: numbers[2],
    type: /** @type {CandidateType} */ (type),
    tcpType: extensions.get('tcptype') ?? null,
    relatedAddress: extensions.get('raddr') ?? null,
    relatedPort: relatedPort === undefined ? null : Number(relatedPort),
  };
}

/**
 * Takes a priority apart again: 2^24 · type + 2^8 · local + (256 - component).
 *
 * @param {number} priority
 * @returns {Priority}
 */
export function decodePriority(priority) {
  return {
    type: priority >>> 24,
    local: (priority >>> 8) & 0xffff,
    component: 256 - (priority & 0xff),
  };
}

/**
 * The type in words, for whoever does not know the abbreviations by heart.
 *
 * @param {string} type
 */
export function typeName(type) {
  return TYPE_NAMES[type] ?? type;
}

/**
 * Address and port in one word, IPv6 in brackets.
 *
 * @param {string} address
 * @param {number | null} port
 */
export function socketAddress(address, port) {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}

/**
 * Whether the browser hides a host address behind an mDNS name
 * (draft-ietf-mmusic-mdns-ice-candidates), as it does without camera permission.
 *
 * @param {string} address
 */
export function isHiddenAddress(address) {
  return address.endsWith('.local');
}

/**
 * Whether an address, as text, is one that the Internet does not route.
 *
 * @param {string} address IPv4 or IPv6
 */
export function isPrivateAddress(address) {
  const ipv4 = /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;
  return ipv4.test(address) || /^(::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i.test(address);
}

/**
 * The related address in words, or null where there is nothing to say.
 *
 * @param {Candidate} candidate
 */
export function describeRelated({ relatedAddress, relatedPort }) {
  if (relatedAddress === null) return null;
  const hidden = relatedAddress === '0.0.0.0' || relatedAddress === '::';
  return hidden ? 'base hidden by the browser' : `base ${socketAddress(relatedAddress, relatedPort)}`;
}

/** @param {string[]} fields */
function extensionPairs(fields) {
  /** @type {Map<string, string>} */
  const pairs = new Map();
  for (let index = 0; index + 1 < fields.length; index += 2) pairs.set(fields[index], fields[index + 1]);
  return pairs;
}
