// A plain client of the JSON signaling dialect: registers, sends, and hands messages over one by one.

import WebSocket from 'ws';
import { within } from './script.mjs';

const ANSWER_MS = 10_000;

export class SignalingClient {
  #socket;
  #waiting = [];
  #kept = [];

  constructor(socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)));
    // A refused frame may cut the connection; the close code tells what happened.
    socket.on('error', () => {});
    socket.on('message', (text) => this.#take(JSON.parse(text)));
  }

  /** Opens a socket without registering. */
  static async open(url) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const client = new SignalingClient(socket);
    await within(ANSWER_MS, `${url} to open`, new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    }));
    return client;
  }

  /** Opens a socket and registers under `id`; `client.registered` is the server's answer. */
  static async register(url, id) {
    const client = await SignalingClient.open(url);
    client.id = id;
    client.send({ type: 'register', agent_id: id });
    client.registered = await client.next('registered');
    return client;
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** Sends a frame as it is: a string or a Buffer. */
  sendRaw(frame) {
    this.#socket.send(frame);
  }

  /** The raw socket, for what no client should do. */
  get socket() {
    return this.#socket;
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The next message of a type that was not handed over before; messages of other types wait for their turn. */
  next(type, limitMs = ANSWER_MS) {
    const at = this.#kept.findIndex((message) => message.type === type);
    if (at >= 0) return Promise.resolve(this.#kept.splice(at, 1)[0]);
    const arrival = new Promise((resolve) => this.#waiting.push({ type, resolve }));
    return within(limitMs, `a message of type ${type}`, arrival);
  }

  /** Hands every message of these types to `handle` from now on, in their order. */
  handle(types, handle) {
    const again = (type) => this.next(type, 2 ** 30).then((message) => {
      handle(message);
      again(type);
    });
    for (const type of types) again(type);
  }

  /** Everything received that nobody has asked for; it is asked for with this. */
  unread() {
    return this.#kept.splice(0);
  }

  close() {
    this.#socket.close();
  }

  #take(message) {
    const at = this.#waiting.findIndex((waiting) => waiting.type === message.type);
    if (at >= 0) this.#waiting.splice(at, 1)[0].resolve(message);
    else this.#kept.push(message);
  }
}
