// Engine.IO: a session whose pings are answered goes on; one that says something else instead goes on once.

import { Client } from '../lib/client.mjs';
import { Polling } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';
import { pass, stopwatch } from '../lib/waiting.mjs';

export const sets = ['steady-heartbeat'];

export const cases = {
  'websocket: each pong is followed by a ping after pingInterval': async (server) => {
    const socket = await RawSocket.shaken(server);
    const seen = await socket.frames(1);
    const waits = [];
    for (let round = 0; round < 3; round += 1) {
      const watch = stopwatch();
      socket.send('3');
      seen.push(...(await socket.frames(1)));
      waits.push(watch.notBefore(server.pingIntervalMs));
    }
    return { seen, notBefore: waits };
  },

  'websocket: no second ping without a pong': async (server) => {
    const socket = await RawSocket.connected(server);
    const seen = await socket.frames(1);
    const watch = stopwatch();
    const { seen: more, closed } = await socket.untilClosed();
    return { seen, more, closed, notBefore: watch.notBefore(server.pingTimeoutMs) };
  },

  'websocket: other packets put the end off once': async (server) => {
    const socket = await RawSocket.connected(server);
    const pings = await socket.frames(1);
    const watch = stopwatch();
    await pass(server.pingTimeoutMs / 2);
    socket.send('42["message","no pong"]');
    const ended = await socket.untilClosed();
    return { pings, ...ended, notBefore: watch.notBefore(server.pingTimeoutMs * 1.5) };
  },

  'polling: each pong is followed by a ping': async (server) => {
    const session = await Polling.open(server);
    const seen = await session.packets(1);
    for (let round = 0; round < 3; round += 1) {
      const posted = await session.post('3');
      seen.push(posted.status, ...(await session.packets(1)));
    }
    return seen;
  },

  'pings go on after an upgrade': async (server) => {
    const session = await Polling.open(server);
    const seen = await session.packets(1);
    await session.post('3');
    const socket = await RawSocket.open(server, { sid: session.handshake.sid });
    socket.send('2probe');
    seen.push(...(await socket.frames(1)));
    socket.send('5');
    for (let round = 0; round < 2; round += 1) {
      seen.push(...(await socket.frames(1)));
      socket.send('3');
    }
    return seen;
  },

  'a client stays for several pings': async (server) => {
    const results = [];
    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
      const client = await Client.connected(server, '/', { transports });
      let pings = 0;
      const enough = new Promise((resolve) => client.socket.io.on('ping', () => (pings += 1) === 4 && resolve()));
      await enough;
      await client.settled();
      results.push({ transports, log: client.takeLog() });
      client.socket.disconnect();
    }
    return results;
  },
};
