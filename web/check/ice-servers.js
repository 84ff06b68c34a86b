/**
 * Where ICE servers come from: this server's `/ice-servers`, or the form.
 *
 * @typedef {object} IceServer the RTCIceServer shape
 * @property {string | string[]} urls
 * @property {string} [username]
 * @property {string} [credential]
 *
 * @typedef {object} TypedServer one row of the form
 * @property {string} uri
 * @property {string} username
 * @property {string} credential
 */

import { IceUriError, isTurnUri, parseIceUri } from './ice-uri.js';

const FETCH_LIMIT_MS = 10_000;

/** Why there are no ICE servers; `needsToken` asks the page for its token field. */
export class IceServersError extends Error {
  /**
   * @param {string} what
   * @param {string} mend
   * @param {{ needsToken?: boolean, row?: number }} [details]
   */
  constructor(what, mend, { needsToken = false, row } = {}) {
    super(what);
    this.mend = mend;
    this.needsToken = needsToken;
    this.row = row;
  }
}

/**
 * Asks this server for fresh credentials.
 *
 * @param {URL} url
 * @param {string} token empty when the caller has none
 * @param {AbortSignal} cancel
 * @returns {Promise<IceServer[]>}
 * @throws {IceServersError}
 */
export async function fetchIceServers(url, token, cancel) {
  /** @type {Record<string, string>} */
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  if (token !== '') headers.authorization = `Bearer ${token}`;
  const signal = AbortSignal.any([cancel, AbortSignal.timeout(FETCH_LIMIT_MS)]);
  let response;
  try {
    response = await fetch(url, { method: 'POST', headers, body: '{}', cache: 'no-store', signal });
  } catch (cause) {
    cancel.throwIfAborted();
    throw new IceServersError(
      `${url.pathname} did not answer.`,
      'See whether the server is still running and this device still online.',
    );
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response, answer, token !== '');
  return readIceServers(answer);
}

/**
 * The list out of an answer, checked before a browser sees it.
 *
 * @param {any} answer
 * @returns {IceServer[]}
 * @throws {IceServersError}
 */
export function readIceServers(answer) {
  const servers = answer?.iceServers;
  const readable = Array.isArray(servers) && servers.every((server) => serverUris(server).every((uri) => typeof uri === 'string'));
  if (!readable) {
    throw new IceServersError(
      '/ice-servers answered something else than a list of ICE servers.',
      'A proxy may answer in place of Sangam: see where it sends /ice-servers.',
    );
  }
  return servers;
}

/**
 * Typed rows as a browser takes them. Empty rows are passed over.
 *
 * @param {TypedServer[]} rows
 * @returns {IceServer[]}
 * @throws {IceServersError} with the row at fault
 */
export function typedIceServers(rows) {
  const servers = rows.map(typedServer).filter((server) => server !== null);
  if (servers.length === 0) {
    throw new IceServersError('No ICE server is typed in.', 'Type a URI, or choose this server’s own.', { row: 0 });
  }
  return servers;
}

/**
 * Every URI of a list of servers, in order.
 *
 * @param {IceServer[]} servers
 * @returns {string[]}
 */
export function allUris(servers) {
  return servers.flatMap(serverUris);
}

/** @param {IceServer} server */
function serverUris(server) {
  return [server?.urls].flat();
}

/**
 * @param {TypedServer} typed
 * @param {number} row
 * @returns {IceServer | null}
 */
function typedServer({ uri, username, credential }, row) {
  const urls = uri.trim();
  if (urls === '' && username === '' && credential === '') return null;
  try {
    parseIceUri(urls);
  } catch (error) {
    if (error instanceof IceUriError) throw new IceServersError('A typed URI is not valid.', error.message, { row });
    throw error;
  }
  if (!isTurnUri(urls)) return { urls };
  if (username === '' || credential === '') {
    throw new IceServersError(`${urls} has no username or no credential.`, 'A TURN server needs both: fill them in.', { row });
  }
  return { urls, username, credential };
}

/**
 * @param {Pick<Response, 'status' | 'headers'>} response
 * @param {any} problem the problem details (RFC 9457) of its body, if it has any
 * @param {boolean} hadToken
 */
export function refusal({ status, headers }, problem, hadToken) {
  if (problem?.code === 'origin_not_allowed') {
    return new IceServersError('This server does not answer pages of this address.', 'Have the operator list it in http.origins.');
  }
  if (problem?.code === 'no_ice_servers') {
    return new IceServersError('This server has no ICE server to give.', 'Start it with the relay role, or list others in ice.servers.');
  }
  if (status === 401 || status === 403) {
    return hadToken
      ? new IceServersError('This server refuses the token.', 'It may be expired, revoked or of another server: mint one with “sangam token mint --use signal”.', { needsToken: true })
      : new IceServersError('This server gives its ICE servers only to those who have a token.', 'Paste a token: “sangam token mint --use signal” makes one.', { needsToken: true });
  }
  if (status === 404 || status === 405) {
    return new IceServersError('This server has no /ice-servers.', 'Start it with the signal role, or send this path to it in the proxy.');
  }
  if (status === 429 || status === 503) {
    const wait = headers.get('retry-after');
    return new IceServersError('This server is asked too often or is overloaded.', `Try again in ${wait ? `${wait} s` : 'a minute'}.`);
  }
  return new IceServersError(`/ice-servers answered with status ${status}.`, 'See the log of the server, or of the proxy before it.');
}
