// socket.io-client with connection state recovery: what a lost transport costs, which is nothing.

import { Client, settle } from '../lib/client.mjs';

export const sets = ['recovery'];

const ways = { websocket: { transports: ['websocket'] }, polling: { transports: ['polling'] } };

/** A listener in a room and a speaker. */
async function pair(server, room, way = ways.websocket, namespace = '/') {
  const listener = await Client.connected(server, namespace, way);
  const speaker = await Client.connected(server, namespace);
  await listener.ask('join', room);
  for (const client of [listener, speaker]) client.takeLog();
  return { listener, speaker, id: listener.socket.id };
}

/** Comes back, and tells what that was like. */
async function back(listener, id) {
  listener.takeLog();
  listener.socket.connect();
  await listener.heard('auth');
  const recovered = await listener.ask('recovered');
  const rooms = await listener.ask('rooms');
  return { sameId: listener.socket.id === id, recovered, rooms, log: listener.takeLog() };
}

export const cases = {
  ...Object.fromEntries(
    Object.entries(ways).map(([name, way]) => [
      `${name}: what was missed comes once and in order`,
      async (server) => {
        const room = `missed by ${name}`;
        const { listener, speaker, id } = await pair(server, room, way);
        speaker.emit('say', room, 'before');
        await settle(speaker, listener);
        const before = listener.takeLog();
        await listener.cut();
        const cut = listener.takeLog();
        for (const number of [1, 2, 3]) speaker.emit('say', room, number);
        await speaker.settled();
        const returned = await back(listener, id);
        speaker.emit('say', room, 'after');
        await settle(speaker, listener);
        return { before, cut, returned, after: listener.takeLog() };
      },
    ]),
  ),

  'nothing was missed': async (server) => {
    const { listener, id } = await pair(server, 'nothing missed');
    await listener.cut();
    return back(listener, id);
  },

  'several losses in a row': async (server) => {
    const { listener, speaker, id } = await pair(server, 'several losses');
    const returns = [];
    for (const number of [1, 2, 3]) {
      await listener.cut();
      speaker.emit('say', 'several losses', number);
      await speaker.settled();
      returns.push(await back(listener, id));
    }
    return returns;
  },

  'by itself': async (server) => {
    const options = { reconnection: true, reconnectionDelay: 300, randomizationFactor: 0 };
    const { listener, speaker, id } = await pair(server, 'by itself', { ...ways.websocket, ...options });
    await listener.cut();
    speaker.emit('say', 'by itself', 'meanwhile');
    await listener.heard('said');
    await listener.heard('auth');
    return { sameId: listener.socket.id === id, log: listener.takeLog(), rooms: await listener.ask('rooms') };
  },

  'in another namespace': async (server) => {
    const { listener, speaker, id } = await pair(server, 'elsewhere', ways.websocket, '/custom');
    await listener.cut();
    speaker.emit('say', 'elsewhere', 'meanwhile');
    await speaker.settled();
    return back(listener, id);
  },

  'a guard is not asked again': async (server) => {
    const auth = { token: 'let-me-in' };
    const listener = await Client.connected(server, '/guarded', { auth });
    const id = listener.socket.id;
    await listener.cut();
    listener.socket.auth = { token: 'forgotten' };
    return back(listener, id);
  },

  'bytes are replayed': async (server) => {
    const { listener, speaker, id } = await pair(server, 'bytes missed');
    await listener.cut();
    speaker.emit('say', 'bytes missed', Buffer.from([1, 2]), { nested: Buffer.from([3]) });
    await speaker.settled();
    return back(listener, id);
  },

  'only what was meant for it is replayed': async (server) => {
    const { listener, speaker, id } = await pair(server, 'meant for it');
    await listener.ask('join', 'the deaf');
    await listener.cut();
    speaker.emit('say', 'another room', 'not this');
    speaker.emit('say-except', 'meant for it', 'the deaf', 'nor this');
    speaker.emit('say', 'meant for it', 'this');
    speaker.emit('say', id, 'and this');
    await speaker.settled();
    return back(listener, id);
  },

  'what is volatile is not replayed': async (server) => {
    const { listener, speaker, id } = await pair(server, 'volatile missed');
    await listener.cut();
    speaker.emit('maybe', 'volatile missed', 'gone');
    speaker.emit('say', 'volatile missed', 'kept');
    await speaker.settled();
    return back(listener, id);
  },

  'a question is not replayed': async (server) => {
    const { listener, speaker, id } = await pair(server, 'question missed');
    await listener.cut();
    speaker.emit('ask-room', 'question missed', 100, 'anybody');
    await speaker.heard('room-answers');
    return { asker: speaker.takeLog(), ...(await back(listener, id)) };
  },

  'after leaving on purpose it is another': async (server) => {
    const { listener, speaker, id } = await pair(server, 'on purpose');
    listener.socket.disconnect();
    await listener.told('disconnect');
    speaker.emit('say', 'on purpose', 'missed for good');
    await speaker.settled();
    return back(listener, id);
  },

  'after being sent away it is another': async (server) => {
    const { listener, speaker, id } = await pair(server, 'sent away');
    listener.emit('kick-me');
    await listener.told('disconnect');
    speaker.emit('say', 'sent away', 'missed for good');
    await speaker.settled();
    return back(listener, id);
  },

  'after being cut off it is another': async (server) => {
    const { listener, speaker, id } = await pair(server, 'cut off');
    listener.emit('kick-me-hard');
    await listener.told('disconnect');
    speaker.emit('say', 'cut off', 'missed for good');
    await speaker.settled();
    return back(listener, id);
  },

  'a room left before the loss is not joined again': async (server) => {
    const { listener, speaker, id } = await pair(server, 'left before');
    await listener.ask('leave', 'left before');
    await listener.ask('join', 'joined before');
    await listener.cut();
    speaker.emit('say', 'left before', 'not this');
    speaker.emit('say', 'joined before', 'this');
    await speaker.settled();
    return back(listener, id);
  },

  'others do not hear twice': async (server) => {
    const { listener, speaker, id } = await pair(server, 'others');
    await speaker.ask('join', 'others');
    await listener.cut();
    speaker.emit('say', 'others', 'once');
    await speaker.settled();
    await back(listener, id);
    await settle(speaker, listener);
    return speaker.takeLog();
  },
};
