// An agent that signals the way the widely deployed TypeScript agents do, with their weaknesses left in: it dials only
// when told, sends candidates the moment they appear, knows one connection for each peer, and treats everything
// unexpected as an error that nobody catches, which ends its process.

import WebSocket from 'ws';
import wrtc from '@roamhq/wrtc';

export class OriginalAgent {
  #connections = new Map();
  #iceServers;
  #policy;
  #RTCPeerConnection;
  #socket;

  /** Types of messages it did not know. */
  unknown = [];

  /** Called with each message of the server's, each channel that opens, each message on it. */
  onSaid = () => {};
  onOpen = () => {};
  onText = () => {};

  constructor(id, { iceServers, policy, RTCPeerConnection = wrtc.RTCPeerConnection }) {
    this.id = id;
    this.#RTCPeerConnection = RTCPeerConnection;
    this.#iceServers = iceServers;
    this.#policy = policy;
    this.message = new Promise((resolve) => {
      this.onMessage = resolve;
    });
    this.linked = new Promise((resolve) => {
      this.onLinked = resolve;
    });
    this.described = new Promise((resolve) => {
      this.onDescribed = resolve;
    });
    this.firstCandidateSent = new Promise((resolve) => {
      this.onCandidateSent = resolve;
    });
  }

  /** Registers without waiting for the answer. */
  connectToSignaling(url) {
    this.#socket = new WebSocket(url);
    this.#socket.on('message', (data) => this.#handle(JSON.parse(data)));
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.once('open', () => {
        this.#send({ type: 'register', agent_id: this.id });
        resolve();
      });
    });
  }

  /** Dials. The offer leaves when `witnessed` resolves (the original waits for its log); candidates do not wait. */
  async createOffer(peer, witnessed) {
    const connection = this.#connect(peer);
    this.#watch(peer, connection.createDataChannel('if-agent-messaging', { ordered: true, maxRetransmits: 3 }));
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    this.onDescribed();
    await witnessed;
    this.#send({ type: 'offer', from: this.id, to: peer, offer: { type: offer.type, sdp: offer.sdp } });
  }

  sendCandidate(peer, candidate) {
    this.#send({ type: 'ice-candidate', from: this.id, to: peer, candidate });
  }

  sendText(text) {
    this.channel.send(text);
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  async #handle(message) {
    this.onSaid(message);
    switch (message.type) {
      case 'offer':
        return this.#handleOffer(message.from, message.offer);
      case 'answer':
        return this.#existing(message.from).setRemoteDescription(message.answer);
      case 'ice-candidate':
        return this.#existing(message.from).addIceCandidate(message.candidate);
      default:
        return this.unknown.push(message.type);
    }
  }

  async #handleOffer(from, offer) {
    const connection = this.#connections.get(from) ?? this.#connect(from);
    connection.ondatachannel = ({ channel }) => this.#watch(from, channel);
    if (connection.signalingState !== 'stable') {
      throw new Error(`${this.id}: InvalidStateError: an offer in state ${connection.signalingState}`);
    }
    await connection.setRemoteDescription(offer);
    const answer = await connection.createAnswer();
    await connection.setLocalDescription(answer);
    this.#send({ type: 'answer', from: this.id, to: from, answer: { type: answer.type, sdp: answer.sdp } });
  }

  #existing(peer) {
    const connection = this.#connections.get(peer);
    if (!connection) throw new Error(`${this.id}: no peer connection for ${peer}`);
    return connection;
  }

  #connect(peer) {
    const connection = new this.#RTCPeerConnection({ iceServers: this.#iceServers, iceTransportPolicy: this.#policy });
    this.#connections.set(peer, connection);
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return;
      this.sendCandidate(peer, candidate.toJSON());
      this.onCandidateSent();
    };
    connection.ondatachannel = ({ channel }) => this.#watch(peer, channel);
    return connection;
  }

  #watch(peer, channel) {
    const use = () => {
      this.channel = channel;
      channel.onmessage = ({ data }) => {
        this.onMessage(data);
        this.onText(data);
      };
      this.onLinked();
      this.onOpen(peer, channel);
    };
    if (channel.readyState === 'open') use();
    else channel.onopen = use;
  }
}
