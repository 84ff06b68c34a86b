// Engine.IO: what a browser of another origin is told while nothing about origins is configured.

import { ask, plainAnswer } from '../lib/http.mjs';
import { Polling } from '../lib/polling.mjs';
import { RawSocket, plainFrame } from '../lib/raw_socket.mjs';

export const sets = ['base'];

const ORIGIN = { origin: 'https://elsewhere.example' };
const PREFLIGHT = {
  ...ORIGIN,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type',
};

export const cases = {
  'a preflight': async (server) => {
    return plainAnswer(await ask(server.http({ transport: 'polling' }), { method: 'OPTIONS', headers: PREFLIGHT }));
  },

  'a preflight of a session': async (server) => {
    const session = await Polling.connected(server);
    const answer = await session.get({ method: 'OPTIONS', headers: PREFLIGHT });
    return { preflight: plainAnswer(answer), after: await session.untilBarrier() };
  },

  'a handshake': async (server) => {
    return plainAnswer(await ask(server.http({ transport: 'polling' }), { headers: ORIGIN }));
  },

  'a POST': async (server) => {
    const session = await Polling.open(server);
    return plainAnswer(await session.post('40', { headers: ORIGIN }));
  },

  'a refusal': async (server) => {
    return plainAnswer(await ask(server.http({ transport: 'pigeon' }), { headers: ORIGIN }));
  },

  'a WebSocket': async (server) => {
    const socket = await RawSocket.open(server, {}, { headers: ORIGIN });
    return socket.refused ? plainAnswer(socket.refused) : plainFrame(await socket.frame());
  },
};
