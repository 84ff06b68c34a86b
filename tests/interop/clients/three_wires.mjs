// A Socket.IO page, a JSON agent and a polling node in one room: everybody offers to everybody else, and is answered.
//
// --http     the main listener: Socket.IO and the rendezvous
// --signal   the JSON signaling listener

import { isDeepStrictEqual } from 'node:util';
import { io } from 'socket.io-client';
import { expect, runScript, within } from './script.mjs';
import { SignalingClient } from './signaling.mjs';

const STEP_MS = 20_000;

/** A whole description, so that nobody waits for candidates. */
const description = (type, name) => ({
  type,
  sdp: `v=0\r\ns=${name}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=end-of-candidates\r\n`,
});

class Inbox {
  #heard = [];
  #waiting = [];

  put(signal) {
    this.#heard.push(signal);
    for (const look of this.#waiting.splice(0)) look();
  }

  /** Waits for a signal of that type from that sender. */
  async take(from, type) {
    const find = async () => {
      for (;;) {
        const found = this.#heard.findIndex((signal) => signal.from === from && signal.type === type);
        if (found >= 0) return this.#heard.splice(found, 1)[0].payload;
        await new Promise((resolve) => this.#waiting.push(resolve));
      }
    };
    return within(STEP_MS, `${type} of ${from}`, find());
  }
}

async function page(url, id) {
  const inbox = new Inbox();
  const socket = io(url, { transports: ['websocket'], reconnection: false });
  for (const type of ['offer', 'answer']) {
    socket.on(`webrtc-${type}`, ({ from, data }) => inbox.put({ type, from, payload: data }));
  }
  const joined = new Promise((resolve) => socket.once('session-joined', resolve));
  socket.emit('join-session', { sessionId: 'main', participantId: id });
  await within(STEP_MS, 'the session to be joined', joined);
  const send = (to, type, data) => socket.emit(`webrtc-${type}`, { sessionId: 'main', from: id, to, data });
  return { id, inbox, send };
}

async function agent(url, id) {
  const inbox = new Inbox();
  const client = await SignalingClient.register(url, id);
  client.handle(['offer', 'answer'], ({ type, from, [type]: payload }) => inbox.put({ type, from, payload }));
  return { id, inbox, send: (to, type, payload) => client.send({ type, from: id, to, [type]: payload }) };
}

async function node(url, id) {
  const inbox = new Inbox();
  const ask = async (path, init) => {
    const answer = await fetch(`${url}${path}`, { ...init, headers: { connection: 'close' } });
    expect(answer.status === 200, `200 for ${path}, not ${answer.status}`);
    return answer.json();
  };
  const poll = () => ask(`/signal/poll/${encodeURIComponent(id)}`);
  const send = (to, type, payload) =>
    ask('/signal/send', { method: 'POST', body: JSON.stringify({ from_peer: id, to_peer: to, type, payload }) });
  // Something to hear at once: whoever polls is in the room.
  await send(id, 'hello', {});
  const pollOn = async () => {
    for (;;) {
      for (const { from_peer: from, type, payload } of await poll()) inbox.put({ type, from, payload });
    }
  };
  pollOn();
  return { id, inbox, send };
}

runScript(['http', 'signal'], async (options) => {
  const everybody = [
    await page(options.http, 'page'),
    await agent(options.signal, 'agent'),
    await node(options.http, 'NODE='),
  ];
  let crossed = 0;
  for (const offerer of everybody) {
    for (const answerer of everybody.filter((other) => other !== offerer)) {
      const exchange = async (from, to, type) => {
        const sent = description(type, `${type} of ${from.id}`);
        await from.send(to.id, type, sent);
        const got = await to.inbox.take(from.id, type);
        expect(isDeepStrictEqual(got, sent), `${JSON.stringify(sent)}, not ${JSON.stringify(got)}`);
      };
      await exchange(offerer, answerer, 'offer');
      await exchange(answerer, offerer, 'answer');
      crossed += 1;
    }
  }
  return { crossed };
});
