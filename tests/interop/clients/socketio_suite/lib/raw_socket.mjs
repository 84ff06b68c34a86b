// A WebSocket, frame by frame.

import WebSocket from 'ws';

import { BARRIER, BARRIER_ACK, barrierIn } from './barrier.mjs';
import { readAnswer } from './http.mjs';
import { plainBytes, plainText } from './plain.mjs';
import { pingsAmong, within } from './waiting.mjs';

export class RawSocket {
  /** Opens one; a refusal resolves to `{refused: answer}`. */
  static open(server, query = {}, { protocols = [], ...options } = {}) {
    const web = new WebSocket(server.ws({ transport: 'websocket', ...query }), protocols, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      ...options,
    });
    const socket = new RawSocket(web);
    server.atEnd(() => web.terminate());
    const opened = new Promise((resolve) => {
      web.on('open', () => resolve(socket));
      web.on('unexpected-response', async (_request, response) => resolve({ refused: await readAnswer(response) }));
      web.on('error', (error) => resolve({ refused: { error: error.code ?? 'an error' } }));
    });
    return within('a WebSocket', opened);
  }

  /** Opens one and reads the handshake. */
  static async shaken(server, query = {}) {
    const socket = await RawSocket.open(server, query);
    const open = await socket.frame();
    socket.handshake = JSON.parse(open.slice(1));
    return socket;
  }

  /** Opens one and connects it to a namespace; what that says is read. */
  static async connected(server, namespace = '/') {
    const socket = await RawSocket.shaken(server);
    socket.send(namespace === '/' ? '40' : `40${namespace},`);
    socket.unread.unshift(...(await pingsAmong(2, () => socket.frame())));
    return socket;
  }

  constructor(web) {
    this.web = web;
    this.unread = [];
    this.ended = null;
    this.wake = () => {};
    web.on('message', (data, isBinary) => this.#arrived(isBinary ? data : data.toString()));
    web.on('close', (code, reason) => {
      this.ended = { code, reason: reason.toString() };
      this.wake();
    });
    web.on('error', () => {});
  }

  #arrived(frame) {
    this.unread.push(frame);
    this.wake();
  }

  /** Sends each as one frame: text, or bytes as binary. */
  send(...frames) {
    for (const frame of frames) this.web.send(frame);
  }

  /** The next frame as it came, or null when the connection has ended. */
  async frame() {
    const arrived = async () => {
      while (this.unread.length === 0 && !this.ended) await new Promise((wake) => (this.wake = wake));
      return this.unread.length ? this.unread.shift() : null;
    };
    return within('a frame', arrived());
  }

  /** The next frames, as they are compared. */
  async frames(count) {
    const seen = [];
    for (let index = 0; index < count; index += 1) seen.push(plainFrame(await this.frame()));
    return seen;
  }

  /** All frames until the connection ends, and how it ends. */
  async untilClosed() {
    const seen = [];
    for (;;) {
      const frame = await this.frame();
      if (frame === null) return { seen, closed: this.ended };
      seen.push(plainFrame(frame));
    }
  }

  /** All frames until the server has worked off what was sent before, or how the connection ended. */
  async untilBarrier(namespace = '/') {
    const [question, answer] = namespace === '/' ? [BARRIER, BARRIER_ACK] : barrierIn(namespace);
    this.send(`4${question}`);
    const seen = [];
    for (;;) {
      const frame = await this.frame();
      if (frame === null) return { seen, closed: this.ended };
      if (frame === `4${answer}`) return { seen };
      seen.push(plainFrame(frame));
    }
  }

  /** Probes for an upgrade: the answer, or how the connection ended. */
  async answersProbe() {
    this.send('2probe');
    const frame = await this.frame();
    return frame === null ? { closed: this.ended } : { answered: plainFrame(frame) };
  }

  close(...how) {
    this.web.close(...how);
  }
}

/** A frame as it is compared. */
export function plainFrame(frame) {
  if (frame === null) return { ended: true };
  return typeof frame === 'string' ? plainText(frame) : { binary: plainBytes(frame) };
}
