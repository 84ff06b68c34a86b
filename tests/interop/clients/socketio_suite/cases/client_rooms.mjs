// socket.io-client: rooms, what is said in them and who hears it.

import { Client, settle } from '../lib/client.mjs';

export const sets = ['base', 'msgpack'];

/** So many clients in a namespace, alternating between the ways to connect. */
async function crowd(server, count, namespace = '/') {
  const ways = [['websocket'], ['polling'], ['polling', 'websocket']];
  const clients = [];
  for (let index = 0; index < count; index += 1) {
    clients.push(await Client.connected(server, namespace, { transports: ways[index % ways.length] }));
  }
  for (const client of clients) client.takeLog();
  return clients;
}

/** What each has heard, once all is quiet. */
async function heard(...clients) {
  await settle(...clients);
  return clients.map((client) => client.takeLog());
}

export const cases = {
  'rooms are joined and left': async (server) => {
    const [one] = await crowd(server, 1);
    const before = await one.ask('rooms');
    const acks = [await one.ask('join', 'r1'), await one.ask('join', 'r2'), await one.ask('join', 'r1')];
    const joined = await one.ask('rooms');
    await one.ask('leave', 'r1');
    await one.ask('leave', 'never joined');
    return { before, acks, joined, left: await one.ask('rooms') };
  },

  'rooms of strange names': async (server) => {
    const [one, two] = await crowd(server, 2);
    for (const room of ['', ' ', '/', '__proto__', 'ü😀', '#', 'r'.repeat(1000)]) {
      await one.ask('join', room);
      two.emit('say', room, room);
    }
    return { rooms: await one.ask('rooms'), heard: await heard(two, one) };
  },

  'all in the room hear, the speaker too': async (server) => {
    const [a, b, c, outside] = await crowd(server, 4);
    for (const member of [a, b, c]) await member.ask('join', 'all hear');
    a.emit('say', 'all hear', 'hello', { n: 1 });
    return heard(a, b, c, outside);
  },

  'an outsider speaks to a room': async (server) => {
    const [a, outside] = await crowd(server, 2);
    await a.ask('join', 'spoken to');
    outside.emit('say', 'spoken to', 'from outside');
    return heard(outside, a);
  },

  'the others hear': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const member of [a, b, c]) await member.ask('join', 'others hear');
    a.emit('say-others', 'others hear', 'not me');
    return heard(a, b, c);
  },

  'all but a room hear': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const member of [a, b, c]) await member.ask('join', 'but some');
    await b.ask('join', 'the deaf');
    a.emit('say-except', 'but some', 'the deaf', 'psst');
    return heard(a, b, c);
  },

  'a room named by a socket is that socket': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    a.emit('say', b.socket.id, 'only b');
    return heard(a, b, c);
  },

  'who left hears nothing': async (server) => {
    const [a, b] = await crowd(server, 2);
    for (const member of [a, b]) await member.ask('join', 'left');
    await b.ask('leave', 'left');
    a.emit('say', 'left', 'who is there');
    return heard(a, b);
  },

  'who is gone is no trouble': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const member of [a, b, c]) await member.ask('join', 'gone');
    b.socket.disconnect();
    await b.told('disconnect');
    a.emit('say', 'gone', 'still here?');
    return heard(a, c);
  },

  'a member of two rooms hears once for each saying': async (server) => {
    const [a] = await crowd(server, 1);
    await a.ask('join', 'twice-1');
    await a.ask('join', 'twice-1');
    await a.ask('join', 'twice-2');
    a.emit('say', 'twice-1', 1);
    a.emit('say', 'twice-2', 2);
    return heard(a);
  },

  'rooms of two namespaces are apart': async (server) => {
    const [main] = await crowd(server, 1);
    const [custom] = await crowd(server, 1, '/custom');
    for (const member of [main, custom]) await member.ask('join', 'the same name');
    main.emit('say', 'the same name', 'main');
    await settle(main, custom);
    custom.emit('say', 'the same name', 'custom');
    return heard(main, custom);
  },

  'rooms of two namespaces made on demand are apart': async (server) => {
    const [one] = await crowd(server, 1, '/dyn-1');
    const [two] = await crowd(server, 1, '/dyn-2');
    for (const member of [one, two]) await member.ask('join', 'the same name');
    one.emit('say', 'the same name', 'one');
    return heard(one, two);
  },

  'bytes in a room': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const member of [a, b, c]) await member.ask('join', 'bytes');
    a.emit('say', 'bytes', { data: Buffer.from([1, 2, 3]) }, 'and text');
    return heard(a, b, c);
  },

  'an empty room': async (server) => {
    const [a] = await crowd(server, 1);
    a.emit('say', 'nobody is here', 1);
    return heard(a);
  },

  'what is said keeps its order': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const member of [a, b, c]) await member.ask('join', 'order');
    for (let number = 0; number < 60; number += 1) a.emit('say', 'order', number);
    const logs = await heard(a, b, c);
    return logs.map((log) => [log.length, log.every(({ args }, index) => args[0] === index)]);
  },

  'volatile: who is ready hears': async (server) => {
    const a = await Client.connected(server, '/', { transports: ['websocket'] });
    await a.ask('join', 'volatile');
    a.takeLog();
    a.emit('maybe', 'volatile', 'now');
    return heard(a);
  },

  'a room is asked and all answer': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const [index, member] of [a, b, c].entries()) {
      await member.ask('join', 'asked');
      member.socket.on('question', (...args) => args.pop()(`answer ${index}`));
    }
    a.emit('ask-room', 'asked', 8000, 'who', { is: 'there' });
    await a.heard('room-answers');
    return heard(a, b, c);
  },

  'a room is asked and one is silent': async (server) => {
    const [a, b, c] = await crowd(server, 3);
    for (const member of [a, b, c]) await member.ask('join', 'one silent');
    for (const member of [a, b]) member.socket.on('question', (...args) => args.pop()('here'));
    // Long enough for a busy machine to bring the two answers.
    a.emit('ask-room', 'one silent', 3000, 'who');
    await a.heard('room-answers');
    return heard(a, b, c);
  },

  'an empty room is asked': async (server) => {
    const [a] = await crowd(server, 1);
    a.emit('ask-room', 'nobody to ask', 1000, 'who');
    await a.heard('room-answers');
    return heard(a);
  },

  'a room answers with bytes and with several values': async (server) => {
    const [a, b] = await crowd(server, 2);
    for (const member of [a, b]) await member.ask('join', 'bytes asked');
    a.socket.on('question', (...args) => args.pop()(Buffer.from([1])));
    b.socket.on('question', (...args) => args.pop()('first', 'second'));
    a.emit('ask-room', 'bytes asked', 8000);
    await a.heard('room-answers');
    return heard(a, b);
  },
};
