/**
 * One participant on the JSON signaling WebSocket: `register`, then `offer`,
 * `answer` and `ice-candidate` to another by its id.
 *
 * @typedef {object} SignalingMessage
 * @property {string} type
 * @property {string} [from]
 * @property {string} [to]
 * @property {string} [agent_id]
 * @property {string[]} [connected_agents]
 * @property {RTCSessionDescriptionInit} [offer]
 * @property {RTCSessionDescriptionInit} [answer]
 * @property {RTCIceCandidateInit} [candidate]
 * @property {string} [message] of an error
 */

import { Deferred } from './deadline.js';

/** The signaling server said or did something that ends the exchange. */
export class SignalingError extends Error {}

export class Signaling extends EventTarget {
  /**
   * Starts to connect at once.
   *
   * @param {URL} url of the WebSocket
   * @param {string} id this participant's
   */
  constructor(url, id) {
    super();
    this.id = id;
    /** @type {Deferred<void>} */
    this.opened = new Deferred();
    /** @type {Deferred<string[]>} who else is registered */
    this.registered = new Deferred();
    /** @type {Deferred<never>} fails with the first refusal or the loss of the socket */
    this.failure = new Deferred();
    this.socket = new WebSocket(url);
    this.socket.addEventListener('open', () => this.opened.resolve());
    this.socket.addEventListener('message', ({ data }) => this.#handleMessage(data));
    this.socket.addEventListener('close', ({ code, reason }) => this.#handleClose(code, reason));
  }

  register() {
    this.#send({ type: 'register', agent_id: this.id });
  }

  /**
   * @param {'offer' | 'answer'} type
   * @param {string} to
   * @param {RTCSessionDescription | null} description
   */
  describe(type, to, description) {
    this.#send({ type, from: this.id, to, [type]: description });
  }

  /**
   * @param {string} to
   * @param {RTCIceCandidate} candidate
   */
  trickle(to, candidate) {
    this.#send({ type: 'ice-candidate', from: this.id, to, candidate: candidate.toJSON() });
  }

  close() {
    this.socket.close(1000);
  }

  /** @param {object} message */
  #send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** @param {unknown} data */
  #handleMessage(data) {
    const message = readMessage(data);
    if (message === null) return this.#fail(new SignalingError('the server sent something that is not JSON'));
    if (message.type === 'registered') return this.registered.resolve(message.connected_agents ?? []);
    if (message.type === 'error') return this.#fail(new SignalingError(String(message.message)));
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #handleClose(code, reason) {
    this.#fail(new SignalingError(`the WebSocket closed with code ${code}${reason ? ` (${reason})` : ''}`));
  }

  /** @param {SignalingError} error */
  #fail(error) {
    for (const waiting of [this.opened, this.registered, this.failure]) waiting.reject(error);
  }
}

/**
 * Where the WebSocket is, seen from the page's own address.
 *
 * @param {string} base any address of the page's files
 * @param {string} token empty when there is none
 */
export function signalingUrl(base, token) {
  const url = new URL('../ws', base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (token !== '') url.searchParams.set('token', token);
  return url;
}

/**
 * @param {unknown} data
 * @returns {SignalingMessage | null}
 */
export function readMessage(data) {
  if (typeof data !== 'string') return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === 'string' ? message : null;
  } catch {
    return null;
  }
}
