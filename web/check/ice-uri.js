/**
 * STUN and TURN URIs: RFC 7064, RFC 7065.
 *
 * @typedef {object} IceUri
 * @property {'stun' | 'stuns' | 'turn' | 'turns'} scheme
 * @property {string} host
 * @property {number} port
 * @property {'udp' | 'tcp'} transport the client's leg; `turns` over tcp is TLS
 */

const SCHEMES = ['stun', 'stuns', 'turn', 'turns'];
const SYNTAX = /^([a-z]+):(\[[0-9a-f:.%]+\]|[^:/?#[\]\s@]+)(?::(\d{1,5}))?(?:\?transport=([a-z]+))?$/i;

/** A typed URI that no browser would take; the message says how to mend it. */
export class IceUriError extends Error {}

/**
 * @param {string} text
 * @returns {IceUri}
 * @throws {IceUriError}
 */
export function parseIceUri(text) {
  const uri = text.trim();
  const match = SYNTAX.exec(uri);
  if (!match || !SCHEMES.includes(match[1].toLowerCase())) throw new IceUriError(adviseSyntax(uri));
  const scheme = /** @type {IceUri['scheme']} */ (match[1].toLowerCase());
  const secure = scheme.endsWith('s');
  const port = match[3] === undefined ? (secure ? 5349 : 3478) : Number(match[3]);
  if (port < 1 || port > 65535) throw new IceUriError(`Port ${port} does not exist: use 1 to 65535.`);
  const transport = match[4]?.toLowerCase();
  if (transport !== undefined && !scheme.startsWith('turn')) {
    throw new IceUriError(`“?transport=” belongs to turn: and turns: only; remove it from ${uri}.`);
  }
  if (transport !== undefined && transport !== 'udp' && transport !== 'tcp') {
    throw new IceUriError(`Transport “${transport}” does not exist: use udp or tcp; for TLS write turns: instead of turn:.`);
  }
  return { scheme, host: match[2], port, transport: transport ?? (secure ? 'tcp' : 'udp') };
}

/**
 * Whether a URI that a server handed out names a relay.
 *
 * @param {string} uri
 */
export function isTurnUri(uri) {
  return /^turns?:/i.test(uri);
}

/** @param {string} uri */
function adviseSyntax(uri) {
  if (uri === '') return 'Type a URI, for example turn:relay.example.org:3478.';
  if (/^(stun|turn)s?:\/\//i.test(uri)) return `Write ${uri.replace('://', ':')}: these URIs have no slashes.`;
  if (/^(https?|wss?):/i.test(uri)) return 'This is a web address; an ICE server begins with stun:, turn: or turns:.';
  if (!/^(stun|turn)s?:/i.test(uri)) return `Say what it is: stun:${uri} or turn:${uri}.`;
  return `“${uri}” is not of the form turn:host:port?transport=udp.`;
}
