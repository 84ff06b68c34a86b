// socket.io-client: connecting, being refused, being sent away, coming back; over each way to connect.

import { Client } from '../lib/client.mjs';
import { within } from '../lib/waiting.mjs';

export const sets = ['base', 'other-path', 'msgpack'];

/** The ways a client can connect. */
const ways = {
  websocket: { transports: ['websocket'] },
  polling: { transports: ['polling'] },
  upgrade: { transports: ['polling', 'websocket'] },
};

/** What is tried in each way. */
const tried = {
  'connects': async (server, way) => {
    const client = await Client.connected(server, '/', way);
    const { socket } = client;
    const state = { connected: socket.connected, ownId: socket.id !== socket.io.engine.id };
    return { ...state, log: client.takeLog() };
  },

  'shows its auth': async (server, way) => {
    const auth = { token: 'abc', nested: { list: [1, null, 'ü'] } };
    return (await Client.connected(server, '/', { ...way, auth })).takeLog();
  },

  'joins another namespace': async (server, way) => (await Client.connected(server, '/custom', way)).takeLog(),

  'joins a namespace made on demand': async (server, way) => {
    const client = await Client.connected(server, '/dyn-42', way);
    return { ack: await client.ask('message-with-ack', 'there'), log: client.takeLog() };
  },

  'is refused an unknown namespace': async (server, way) => {
    const client = new Client(server, '/nope', way);
    await client.told('connect_error');
    return { log: client.takeLog(), connected: client.socket.connected, active: client.socket.active };
  },

  'is refused by a guard': async (server, way) => {
    const client = new Client(server, '/guarded', { ...way, auth: { token: 'wrong' } });
    await client.told('connect_error');
    return { log: client.takeLog(), connected: client.socket.connected, active: client.socket.active };
  },

  'is let in by a guard at the second try': async (server, way) => {
    const client = new Client(server, '/guarded', way);
    await client.told('connect_error');
    client.takeLog();
    client.socket.auth = { token: 'let-me-in' };
    client.socket.connect();
    await client.heard('auth');
    return client.takeLog();
  },

  'leaves and comes back': async (server, way) => {
    const client = await Client.connected(server, '/', way);
    const before = client.socket.id;
    client.socket.disconnect();
    await client.told('disconnect');
    const left = client.takeLog();
    client.socket.connect();
    await client.heard('auth');
    return { left, back: client.takeLog(), newId: client.socket.id !== before };
  },

  'is sent away': async (server, way) => {
    const client = await Client.connected(server, '/', way);
    client.emit('kick-me');
    await client.told('disconnect');
    return { log: client.takeLog(), active: client.socket.active };
  },

  'is cut off': async (server, way) => {
    const client = await Client.connected(server, '/', way);
    client.emit('kick-me-hard');
    await client.told('disconnect');
    return { log: client.takeLog(), active: client.socket.active };
  },

  'comes back by itself after its transport is lost': async (server, way) => {
    const options = { ...way, reconnection: true, reconnectionDelay: 20, randomizationFactor: 0 };
    const client = await Client.connected(server, '/', options);
    const before = client.socket.id;
    await client.ask('join', 'a room it will lose');
    client.takeLog();
    await client.cut();
    await client.heard('auth');
    const rooms = await client.ask('rooms');
    return { log: client.takeLog(), newId: client.socket.id !== before, rooms };
  },

  'keeps its namespaces apart': async (server, way) => {
    const client = await Client.connected(server, '/', way);
    const custom = client.socket.io.socket('/custom', { auth: { who: 'custom' } });
    const heard = [];
    custom.onAny((...event) => heard.push(event));
    await within('the second namespace', new Promise((resolve) => custom.on('auth', resolve)));
    const sameTransport = custom.io.engine === client.socket.io.engine;
    const acked = await within('an ack', new Promise((resolve) => custom.emit('message-with-ack', 'c', resolve)));
    custom.emit('message', 'to custom');
    await client.ask('message-with-ack', 'm');
    await within('an ack', new Promise((resolve) => custom.emit('message-with-ack', 'd', resolve)));
    custom.disconnect();
    const still = await client.ask('message-with-ack', 'still here');
    return { sameTransport, acked, heard, still, log: client.takeLog(), ids: custom.id !== client.socket.id };
  },
};

export const cases = {
  ...Object.fromEntries(
    Object.entries(ways).flatMap(([name, way]) =>
      Object.entries(tried).map(([what, run]) => [`${name}: ${what}`, (server) => run(server, way)]),
    ),
  ),

  'upgrade: the transport changes and nothing is lost': async (server) => {
    const client = new Client(server, '/', ways.upgrade);
    const upgraded = new Promise((resolve) => {
      client.socket.io.on('open', () => client.socket.io.engine.on('upgrade', ({ name }) => resolve(name)));
    });
    await client.heard('auth');
    client.takeLog();
    for (let number = 0; number < 50; number += 1) client.emit('message', number);
    const name = await within('an upgrade', upgraded);
    for (let number = 50; number < 100; number += 1) client.emit('message', number);
    await client.settled();
    const numbers = client.takeLog().map(({ args }) => args[0]);
    return { name, count: numbers.length, inOrder: numbers.every((number, index) => number === index) };
  },

  'a server at another path is not found': async (server) => {
    const client = new Client(server, '/', { path: '/nowhere/', transports: ['polling'] });
    await client.told('connect_error');
    return client.takeLog();
  },
};
