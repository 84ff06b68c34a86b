// Engine.IO: maxPayload, to the byte.

import { outcome, plainAnswer } from '../lib/http.mjs';
import { Polling, payload } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['small-payload'];

const MAX = 1000;

/** An event packet of exactly so many bytes. */
function event(bytes, filler = 'x') {
  const frame = '42["message",""]';
  const wanted = bytes - frame.length;
  return `42["message","${filler.repeat(wanted / Buffer.byteLength(filler))}"]`;
}

export const cases = {
  ...Object.fromEntries(
    [
      [MAX, 'x'],
      [MAX + 1, 'x'],
      [MAX * 50, 'x'],
      [MAX, 'é'],
      [MAX + 2, 'é'],
    ].flatMap(([bytes, filler]) => [
      [
        `polling: ${bytes} bytes of ${filler}`,
        async (server) => {
          const session = await Polling.connected(server);
          const posted = plainAnswer(await session.post(event(bytes, filler)));
          return { posted, then: await session.untilBarrier() };
        },
      ],
      [
        `websocket: ${bytes} bytes of ${filler}`,
        async (server) => {
          const socket = await RawSocket.connected(server);
          socket.send(event(bytes, filler));
          return socket.untilBarrier();
        },
      ],
    ]),
  ),

  'polling: packets that are too much together': async (server) => {
    const session = await Polling.connected(server);
    const posted = outcome(await session.post(payload(event(600), event(600))));
    return { posted, then: await session.untilBarrier() };
  },

  'polling: a body in chunks that is too much': async (server) => {
    const session = await Polling.connected(server);
    const headers = { 'transfer-encoding': 'chunked' };
    const posted = outcome(await session.post(event(MAX * 3), { headers }));
    return { posted, then: await session.untilBarrier() };
  },

  'websocket: packets that are too much only together': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send(event(600), event(600));
    return socket.untilBarrier();
  },

  'websocket: bytes up to the bound and beyond': async (server) => {
    const results = [];
    for (const length of [MAX, MAX + 1]) {
      const socket = await RawSocket.connected(server);
      socket.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.alloc(length, 7));
      results.push(await socket.untilBarrier());
    }
    return results;
  },

  'websocket: fragments that are too much together': async (server) => {
    const socket = await RawSocket.connected(server);
    const text = event(MAX + 200);
    socket.web.send(text.slice(0, 600), { fin: false });
    socket.web.send(text.slice(600), { fin: true });
    return socket.untilBarrier();
  },

  'websocket: too much before a namespace': async (server) => {
    const socket = await RawSocket.shaken(server);
    socket.send(event(MAX + 1));
    return socket.untilClosed();
  },

  'upgrade: too much in place of the probe': async (server) => {
    const session = await Polling.connected(server);
    const socket = await RawSocket.open(server, { sid: session.handshake.sid });
    socket.send(event(MAX + 1));
    return { ...(await socket.untilClosed()), then: await session.untilBarrier() };
  },

  'what the server says may be more': async (server) => {
    const session = await Polling.connected(server);
    await session.post(payload(event(450), event(450)));
    return session.untilBarrier();
  },
};
