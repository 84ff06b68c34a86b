// socket.io-client with a log of all it tells its user.

import { io } from 'socket.io-client';
import * as msgpack from 'socket.io-msgpack-parser';

import { plainValue } from './plain.mjs';
import { forgotten } from './session_end.mjs';
import { until, within } from './waiting.mjs';

export class Client {
  /** A client that has begun to connect. Options are those of socket.io-client. */
  constructor(server, namespace = '/', options = {}) {
    this.server = server;
    this.log = [];
    this.socket = io(server.url + namespace, {
      path: server.path,
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      timeout: 10_000,
      ...(server.parser === 'msgpack' ? { parser: msgpack } : {}),
      ...options,
    });
    server.atEnd(() => this.socket.io.engine?.close());
    server.atEnd(() => this.socket.disconnect());
    this.#listen();
  }

  /** A client that is connected and has been greeted. */
  static async connected(server, namespace, options) {
    const client = new Client(server, namespace, options);
    await client.told('connect');
    await client.heard('auth');
    return client;
  }

  #listen() {
    const { socket } = this;
    socket.on('connect', () => this.log.push({ connect: true, recovered: socket.recovered === true }));
    socket.on('connect_error', (error) => {
      const data = error.data === undefined ? {} : { data: plainValue(error.data) };
      this.log.push({ connect_error: error.message, ...data });
    });
    socket.on('disconnect', (reason, details) => {
      const code = details?.context?.code ?? details?.description;
      this.log.push({ disconnect: reason, ...(typeof code === 'number' ? { code } : {}) });
    });
    socket.onAny((event, ...args) => {
      if (typeof args.at(-1) === 'function') args.pop();
      else if (this.server.recoveryMs > 0 && typeof args.at(-1) === 'string') args[args.length - 1] = '<offset>';
      this.log.push({ event, args: plainValue(args) });
    });
  }

  /** Waits for a line of the log. */
  #logged(what, wanted) {
    return until(what, () => this.log.find(wanted));
  }

  /** Waits until the user was told of `connect`, `connect_error` or `disconnect`. */
  told(what) {
    return this.#logged(what, (line) => what in line);
  }

  /** Waits for an event of the server. */
  heard(event) {
    return this.#logged(event, (line) => line.event === event);
  }

  /** The log up to an event of the server, or up to the end of the connection. */
  async heardOrEnded(event) {
    await this.#logged(`${event} or the end`, (line) => line.event === event || 'disconnect' in line);
    return this.takeLog();
  }

  /** Waits until the transport is WebSocket. */
  upgraded() {
    return until('an upgrade', () => this.socket.io.engine.transport.name === 'websocket');
  }

  /** The log so far; the next begins anew. */
  takeLog() {
    return this.log.splice(0);
  }

  emit(...args) {
    this.socket.emit(...args);
  }

  /** What the server acknowledges an event with. */
  ask(...args) {
    const answered = new Promise((resolve) => this.socket.emit(...args, (...answer) => resolve(plainValue(answer))));
    return within(`an acknowledgement of ${args[0]}`, answered);
  }

  /** Waits until the server has worked off what was sent before, and what it said has arrived. */
  async settled() {
    await this.ask('message-with-ack', 'barrier');
  }

  /** Drops the transport, as a network would, and waits until the server has noticed. */
  async cut() {
    const { id } = this.socket.io.engine;
    this.socket.io.engine.close();
    await this.told('disconnect');
    await forgotten(this.server, id);
  }
}

/** Waits until what these said has reached all of them. */
export async function settle(...clients) {
  for (const client of clients) await client.settled();
  for (const client of clients) await client.settled();
}
