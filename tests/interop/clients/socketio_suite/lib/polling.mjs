// A session over HTTP long-polling, packet by packet.

import { ask, outcome } from './http.mjs';
import { BARRIER, BARRIER_ACK } from './barrier.mjs';
import { plainText } from './plain.mjs';
import { pingsAmong } from './waiting.mjs';

const SEPARATOR = '\x1e';
/** Says nothing: how many come depends on the clock, and on the taste of the server. */
const NOOP = '6';

export class Polling {
  /** Opens a session. */
  static async open(server, query = {}, options = {}) {
    return new Polling(server, await ask(server.http({ transport: 'polling', ...query }), options));
  }

  /** Opens a session and connects it to the namespace `/`; what that says is read. */
  static async connected(server) {
    const session = await Polling.open(server);
    await session.post('40');
    session.unread.unshift(...(await pingsAmong(2, async () => (await session.packets(1))[0])));
    return session;
  }

  constructor(server, opening) {
    this.opening = opening;
    this.handshake = JSON.parse(opening.body.slice(1));
    this.server = server;
    this.unread = [];
  }

  /** The address of this session. */
  url(query = {}) {
    return this.server.http({ transport: 'polling', sid: this.handshake.sid, ...query });
  }

  /** One GET, and its whole answer. */
  get(options = {}) {
    return ask(this.url(options.query), options);
  }

  /** One POST, and its whole answer. */
  post(body, options = {}) {
    return ask(this.url(options.query), { method: 'POST', body, ...options });
  }

  /** The next packets, however many answers they take. */
  async packets(count, options = {}) {
    while (this.unread.length < count) {
      const answer = await this.get(options);
      if (answer.status !== 200) throw new Error(`a poll was answered ${JSON.stringify(outcome(answer))}`);
      this.unread.push(...answer.body.split(SEPARATOR).map(plainText));
    }
    return this.unread.splice(0, count);
  }

  /** Every packet until the server has worked off all that was posted, or how the session ended. */
  async untilBarrier() {
    const posted = await this.post(`4${BARRIER}`);
    const seen = [];
    if (posted.status !== 200) return { seen, refused: outcome(posted) };
    for (;;) {
      const answer = this.unread.length ? { status: 200, body: this.unread.splice(0).join(SEPARATOR) } : await this.get();
      if (answer.status !== 200) return { seen, refused: outcome(answer) };
      for (const packet of answer.body.split(SEPARATOR)) {
        if (packet === `4${BARRIER_ACK}`) return { seen };
        if (packet !== NOOP) seen.push(plainText(packet));
      }
    }
  }
}

/** Several packets as one body. */
export function payload(...packets) {
  return packets.join(SEPARATOR);
}
