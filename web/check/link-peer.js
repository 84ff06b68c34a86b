/**
 * One end of a link: an RTCPeerConnection whose offer, answer and candidates
 * go through a `Signaling`. Each milestone is a promise.
 *
 * @typedef {import('./gathering.js').Gathered} Gathered
 * @typedef {import('./ice-error.js').GatheringError} GatheringError
 * @typedef {import('./ice-servers.js').IceServer} IceServer
 * @typedef {import('./signaling.js').SignalingMessage} SignalingMessage
 */

import { Deferred } from './deadline.js';
import { readCandidateEvent, readErrorEvent } from './gathering.js';

/** A connection that came to its end before the milestone waited for. */
export class LinkError extends Error {}

export class LinkPeer {
  /**
   * @param {import('./signaling.js').Signaling} signaling
   * @param {{ iceServers: IceServer[], policy: 'all' | 'relay' }} options
   */
  constructor(signaling, { iceServers, policy }) {
    this.signaling = signaling;
    this.connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy });
    /** @type {string | null} */
    this.remote = null;
    /** @type {Gathered[]} */
    this.candidates = [];
    /** @type {GatheringError[]} */
    this.errors = [];
    /** @type {RTCIceCandidateInit[]} candidates that overtook their description */
    this.early = [];
    this.started = performance.now();
    /** @type {Deferred<SignalingMessage>} */
    this.described = new Deferred();
    /** @type {Deferred<Gathered>} */
    this.firstRelay = new Deferred();
    /** @type {Deferred<void>} */
    this.iceConnected = new Deferred();
    /** @type {Deferred<void>} */
    this.secured = new Deferred();
    /** @type {Deferred<RTCDataChannel>} */
    this.channel = new Deferred();
    this.#watchConnection();
    this.#watchSignaling();
  }

  /**
   * Opens a channel and offers it to `remote`.
   *
   * @param {string} remote
   */
  async offerTo(remote) {
    this.remote = remote;
    this.#watchChannel(this.connection.createDataChannel('sangam-check'));
    await this.connection.setLocalDescription(await this.connection.createOffer());
    this.signaling.describe('offer', remote, this.connection.localDescription);
  }

  /** Answers the offer that `described` holds. */
  async answer() {
    const { offer, from } = await this.described.promise;
    this.remote = from ?? null;
    await this.#applyRemote(offer);
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    if (this.remote) this.signaling.describe('answer', this.remote, this.connection.localDescription);
    this.#watchTransport();
  }

  /** Takes the answer that `described` holds. */
  async acceptAnswer() {
    const { answer } = await this.described.promise;
    await this.#applyRemote(answer);
    this.#watchTransport();
  }

  close() {
    this.connection.close();
    this.signaling.close();
  }

  /** @param {RTCSessionDescriptionInit | undefined} description */
  async #applyRemote(description) {
    if (!description) throw new LinkError('a description came without its SDP');
    await this.connection.setRemoteDescription(description);
    for (const candidate of this.early.splice(0)) await this.connection.addIceCandidate(candidate);
  }

  #watchSignaling() {
    for (const type of ['offer', 'answer']) {
      this.signaling.addEventListener(type, (event) => this.described.resolve(/** @type {CustomEvent} */ (event).detail));
    }
    this.signaling.addEventListener('ice-candidate', (event) => {
      const { candidate } = /** @type {CustomEvent} */ (event).detail;
      if (this.connection.remoteDescription === null) this.early.push(candidate);
      else this.connection.addIceCandidate(candidate).catch((error) => this.#fail(String(error)));
    });
  }

  #watchConnection() {
    const { connection } = this;
    connection.addEventListener('icecandidate', (event) => {
      if (event.candidate?.candidate && this.remote) this.signaling.trickle(this.remote, event.candidate);
      const gathered = readCandidateEvent(event, this.started);
      if (!gathered) return;
      this.candidates.push(gathered);
      if (gathered.type === 'relay') this.firstRelay.resolve(gathered);
    });
    connection.addEventListener('icecandidateerror', (event) => this.errors.push(readErrorEvent(event, this.started)));
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') this.firstRelay.reject(new LinkError('no relay candidate came'));
    });
    connection.addEventListener('iceconnectionstatechange', () => {
      const state = connection.iceConnectionState;
      if (state === 'connected' || state === 'completed') this.iceConnected.resolve();
      if (state === 'failed') this.iceConnected.reject(new LinkError('no candidate pair answered'));
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'connected') this.secured.resolve();
      if (connection.connectionState === 'failed') this.#fail('the connection failed');
    });
    connection.addEventListener('datachannel', ({ channel }) => this.#watchChannel(channel));
  }

  /** The DTLS transport tells sooner, and more exactly, than the connection's state. */
  #watchTransport() {
    const transport = this.connection.sctp?.transport;
    if (!transport) return;
    const look = () => {
      if (transport.state === 'connected') this.secured.resolve();
      if (transport.state === 'failed') this.secured.reject(new LinkError('the DTLS handshake failed'));
    };
    transport.addEventListener('statechange', look);
    look();
  }

  /** @param {RTCDataChannel} channel */
  #watchChannel(channel) {
    channel.binaryType = 'arraybuffer';
    if (channel.readyState === 'open') this.channel.resolve(channel);
    channel.addEventListener('open', () => this.channel.resolve(channel));
    channel.addEventListener('close', () => this.#fail('the data channel closed'));
  }

  /** @param {string} why */
  #fail(why) {
    const error = new LinkError(why);
    for (const milestone of [this.iceConnected, this.secured, this.channel]) milestone.reject(error);
  }
}
