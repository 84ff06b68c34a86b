// Socket.IO: a connection that joins no namespace is ended after connectTimeout, on either transport.

import { outcome } from '../lib/http.mjs';
import { Polling } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';
import { pass, stopwatch } from '../lib/waiting.mjs';

export const sets = ['connect-timeout'];

export const cases = {
  'websocket: no namespace in time': async (server) => {
    const watch = stopwatch();
    const socket = await RawSocket.shaken(server);
    const ended = await socket.untilClosed();
    return { ...ended, notBefore: watch.notBefore(server.connectTimeoutMs) };
  },

  'websocket: only a refused namespace': async (server) => {
    const socket = await RawSocket.shaken(server);
    socket.send('40/nope,', '40/guarded,');
    return socket.untilClosed();
  },

  'websocket: a namespace in time': async (server) => {
    const socket = await RawSocket.connected(server);
    await pass(server.connectTimeoutMs * 2);
    return socket.untilBarrier();
  },

  'websocket: a namespace joined and left in time': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('41');
    await pass(server.connectTimeoutMs * 2);
    socket.send('40');
    return socket.frames(2);
  },

  'polling: no namespace in time': async (server) => {
    const session = await Polling.open(server);
    const poll = outcome(await session.get());
    return { poll, then: outcome(await session.get()) };
  },
};
