// A video call with everybody in the session, through the relay alone. Who was there first calls who comes.

const MEDIA = { video: { width: 320, height: 240, frameRate: 15 }, audio: false };

export class Calls {
  #wire;
  #hasMedia;
  #onStream;
  #stream;
  #iceServers;
  #peers = new Map();

  constructor(wire, hasMedia, onStream) {
    this.#wire = wire;
    this.#hasMedia = hasMedia;
    this.#onStream = onStream;
  }

  /** Gets the camera and the relay's credentials. */
  async prepare(server) {
    if (!this.#hasMedia) return;
    this.#stream = await navigator.mediaDevices.getUserMedia(MEDIA);
    this.#onStream('me', this.#stream);
    this.#iceServers = (await (await fetch(new URL('/ice-servers', server))).json()).iceServers;
  }

  async hear(event) {
    if (!this.#hasMedia) return;
    if (event.what === 'joined' && event.iceServers) this.#iceServers = event.iceServers;
    if (event.what === 'arrived') await this.call(event.id);
    if (event.what === 'left') this.#hangUp(event.id);
    if (event.what === 'signal') await this.#take(event);
  }

  /** Offers, or offers anew with other transport addresses. */
  async call(id, options = {}) {
    const { peer } = this.#peerOf(id);
    await peer.setLocalDescription(await peer.createOffer(options));
    this.#wire.signal('offer', id, peer.localDescription.toJSON());
  }

  async #take({ kind, from, payload }) {
    const { peer, early } = this.#peerOf(from);
    if (kind === 'candidate') {
      // Not one of a call: a test's own words.
      if (typeof payload.candidate !== 'string') return;
      if (peer.remoteDescription) await peer.addIceCandidate(payload);
      else early.push(payload);
      return;
    }
    await peer.setRemoteDescription(payload);
    for (const candidate of early.splice(0)) await peer.addIceCandidate(candidate);
    if (kind === 'offer') {
      await peer.setLocalDescription();
      this.#wire.signal('answer', from, peer.localDescription.toJSON());
    }
  }

  #peerOf(id) {
    const known = this.#peers.get(id);
    if (known) return known;
    const peer = new RTCPeerConnection({ iceServers: this.#iceServers, iceTransportPolicy: 'relay' });
    for (const track of this.#stream.getTracks()) peer.addTrack(track, this.#stream);
    peer.onicecandidate = ({ candidate }) => candidate && this.#wire.signal('candidate', id, candidate.toJSON());
    peer.ontrack = ({ streams }) => this.#onStream(id, streams[0]);
    const made = { peer, early: [] };
    this.#peers.set(id, made);
    return made;
  }

  #hangUp(id) {
    this.#peers.get(id)?.peer.close();
    this.#peers.delete(id);
  }

  /** How the call with somebody goes: frames decoded so far, and the pair of candidates in use. */
  async state(id) {
    const call = this.#peers.get(id);
    if (!call) return null;
    const stats = [...(await call.peer.getStats()).values()];
    const byId = (wanted) => stats.find((it) => it.id === wanted);
    const video = stats.find((it) => it.type === 'inbound-rtp' && it.kind === 'video');
    const transport = stats.find((it) => it.type === 'transport');
    const pair = transport?.selectedCandidatePairId && byId(transport.selectedCandidatePairId);
    const end = (candidate) => candidate && { type: candidate.candidateType, port: candidate.port };
    return {
      connection: call.peer.connectionState,
      signaling: call.peer.signalingState,
      framesDecoded: video?.framesDecoded ?? 0,
      local: end(pair && byId(pair.localCandidateId)),
      remote: end(pair && byId(pair.remoteCandidateId)),
      fragment: /a=ice-ufrag:(\S+)/.exec(call.peer.currentLocalDescription?.sdp ?? '')?.[1],
    };
  }
}
