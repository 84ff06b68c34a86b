// Engine.IO: from polling to WebSocket, and the ways it does not happen.

import { ask, outcome, plainAnswer } from '../lib/http.mjs';
import { Polling } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base', 'other-path'];

async function begun(server) {
  const session = await Polling.connected(server);
  const socket = await RawSocket.open(server, { sid: session.handshake.sid });
  return { session, socket };
}

async function upgraded(server) {
  const { session, socket } = await begun(server);
  socket.send('2probe');
  await socket.frames(1);
  socket.send('5');
  return { session, socket };
}

/** What a first frame on the WebSocket does in place of the probe, and whether the session lives on by polling. */
const instead = {
  'rubbish': 'abc',
  'a message': '42["message",1]',
  'a ping without probe': '2',
  'a ping with something else': '2prob',
  'a pong': '3probe',
  'a close packet': '1',
  'a noop': '6',
  'an empty frame': '',
  'bytes': Buffer.from([1, 2]),
};

export const cases = {
  'probe, pong, upgrade, then messages go both ways': async (server) => {
    const { socket } = await begun(server);
    socket.send('2probe');
    const probed = await socket.frames(1);
    socket.send('5', '42["message","over websocket"]');
    return { probed, ...(await socket.untilBarrier()) };
  },

  'the poll that waits is released with a noop': async (server) => {
    const { session, socket } = await begun(server);
    const poll = session.get();
    socket.send('2probe');
    const probed = await socket.frames(1);
    const released = plainAnswer(await poll);
    socket.send('5');
    return { probed, released, ...(await socket.untilBarrier()) };
  },

  'a poll after the probe is released too': async (server) => {
    const { session, socket } = await begun(server);
    socket.send('2probe');
    await socket.frames(1);
    const polls = [outcome(await session.get()), outcome(await session.get())];
    socket.send('5');
    return { polls, ...(await socket.untilBarrier()) };
  },

  'polling goes on between probe and upgrade': async (server) => {
    const { session, socket } = await begun(server);
    socket.send('2probe');
    await socket.frames(1);
    const posted = outcome(await session.post('42["message","still polling"]'));
    socket.send('5');
    return { posted, ...(await socket.untilBarrier()) };
  },

  'what waits for a poll comes by websocket after the upgrade': async (server) => {
    const { session, socket } = await begun(server);
    for (const number of [1, 2, 3]) await session.post(`42["message",${number}]`);
    socket.send('2probe');
    const probed = await socket.frames(1);
    socket.send('5');
    return { probed, ...(await socket.untilBarrier()) };
  },

  'polling is refused after the upgrade': async (server) => {
    const { session, socket } = await upgraded(server);
    await socket.untilBarrier();
    const got = plainAnswer(await session.get());
    const posted = plainAnswer(await session.post('42["message",1]'));
    return { got, posted, ...(await socket.untilBarrier()) };
  },

  'a second upgrade is closed': async (server) => {
    const { session, socket } = await upgraded(server);
    await socket.untilBarrier();
    const second = await RawSocket.open(server, { sid: session.handshake.sid });
    const end = second.refused ? outcome(second.refused) : await second.untilClosed();
    return { end, ...(await socket.untilBarrier()) };
  },

  'a second upgrade while the first is under way is closed': async (server) => {
    const { session, socket } = await begun(server);
    socket.send('2probe');
    await socket.frames(1);
    const second = await RawSocket.open(server, { sid: session.handshake.sid });
    const end = second.refused ? outcome(second.refused) : await second.untilClosed();
    socket.send('5');
    return { end, ...(await socket.untilBarrier()) };
  },

  'a second WebSocket for the session of a WebSocket is closed': async (server) => {
    const socket = await RawSocket.connected(server);
    const second = await RawSocket.open(server, { sid: socket.handshake.sid });
    const end = second.refused ? outcome(second.refused) : await second.answersProbe();
    return { end, ...(await socket.untilBarrier()) };
  },

  'an upgrade without a probe': async (server) => {
    const { socket } = await begun(server);
    socket.send('5');
    return socket.untilBarrier();
  },

  'a second probe': async (server) => {
    const { socket } = await begun(server);
    socket.send('2probe', '2probe');
    const probed = await socket.frames(2);
    socket.send('5');
    return { probed, ...(await socket.untilBarrier()) };
  },

  'an upgrade of an unknown session': async (server) => {
    const { refused } = await RawSocket.open(server, { sid: 'BBBBBBBBBBBBBBBBBBBB' });
    return plainAnswer(refused);
  },

  'an upgrade in another version': async (server) => {
    const session = await Polling.connected(server);
    const { refused } = await RawSocket.open(server, { sid: session.handshake.sid, EIO: '3' });
    return { refused: plainAnswer(refused), then: await session.untilBarrier() };
  },

  'a WebSocket lost after the probe leaves polling alone': async (server) => {
    const { session, socket } = await begun(server);
    socket.send('2probe');
    await socket.frames(1);
    socket.close();
    await socket.untilClosed();
    return await session.untilBarrier();
  },

  'a session that ends by polling ends its upgrade': async (server) => {
    const { session, socket } = await begun(server);
    socket.send('2probe');
    await socket.frames(1);
    const posted = outcome(await session.post('1'));
    return { posted, ...(await socket.untilClosed()) };
  },

  'an upgraded session ends with its WebSocket': async (server) => {
    const { session, socket } = await upgraded(server);
    await socket.untilBarrier();
    socket.close();
    const end = await socket.untilClosed();
    return { end, then: outcome(await ask(session.url())) };
  },

  ...Object.fromEntries(
    Object.entries(instead).map(([name, frame]) => [
      `${name} in place of the probe`,
      async (server) => {
        const { session, socket } = await begun(server);
        socket.send(frame);
        const end = await socket.untilClosed();
        return { end, then: await session.untilBarrier() };
      },
    ]),
  ),
};
