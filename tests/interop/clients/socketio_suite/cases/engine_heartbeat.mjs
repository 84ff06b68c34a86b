// Engine.IO: the server pings after pingInterval, never before, and ends the session pingTimeout after an unanswered ping.

import { outcome } from '../lib/http.mjs';
import { Polling } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';
import { pass, stopwatch } from '../lib/waiting.mjs';

export const sets = ['heartbeat'];

export const cases = {
  'websocket: the first ping comes after pingInterval': async (server) => {
    const watch = stopwatch();
    const socket = await RawSocket.shaken(server);
    return { frames: await socket.frames(1), notBefore: watch.notBefore(server.pingIntervalMs) };
  },

  'websocket: silence ends the session': async (server) => {
    const watch = stopwatch();
    const socket = await RawSocket.shaken(server);
    const ended = await socket.untilClosed();
    return { ...ended, notBefore: watch.notBefore(server.pingIntervalMs + server.pingTimeoutMs) };
  },

  'websocket: silence ends a connected session': async (server) => {
    const socket = await RawSocket.connected(server);
    return socket.untilClosed();
  },

  'polling: the first ping comes after pingInterval': async (server) => {
    const watch = stopwatch();
    const session = await Polling.open(server);
    return { packets: await session.packets(1), notBefore: watch.notBefore(server.pingIntervalMs) };
  },

  'polling: silence ends the session, and the poll that waits sees it': async (server) => {
    const watch = stopwatch();
    const session = await Polling.open(server);
    const packets = await session.packets(1);
    const poll = outcome(await session.get());
    const late = watch.notBefore(server.pingIntervalMs + server.pingTimeoutMs);
    return { packets, poll, notBefore: late, then: outcome(await session.get()) };
  },

  'polling: a session nobody polls ends as well': async (server) => {
    const session = await Polling.open(server);
    await pass(server.pingIntervalMs + server.pingTimeoutMs + 1500);
    return outcome(await session.get());
  },

  'upgraded: silence ends the session': async (server) => {
    const session = await Polling.open(server);
    const socket = await RawSocket.open(server, { sid: session.handshake.sid });
    socket.send('2probe');
    const probed = await socket.frames(1);
    socket.send('5');
    return { probed, ...(await socket.untilClosed()) };
  },
};
