// Socket.IO with the msgpack parser: packets as bytes, and bytes that are no packets.

import { Decoder, Encoder } from 'socket.io-msgpack-parser';

import { plainValue } from '../lib/plain.mjs';
import { Polling, payload } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['msgpack'];

const BARRIER = packet({ type: 2, nsp: '/', id: 7777, data: ['message-with-ack', 'barrier'] });

function packet(members) {
  return new Encoder().encode(members)[0];
}

/** What stands in a frame, ids taken out. */
function read(frame) {
  if (typeof frame === 'string') return { text: frame };
  let decoded;
  const decoder = new Decoder();
  decoder.on('decoded', (found) => (decoded = found));
  decoder.add(frame);
  return plainValue(decoded);
}

async function connected(server) {
  const socket = await RawSocket.shaken(server);
  socket.send(packet({ type: 0, nsp: '/' }));
  await socket.frame();
  await socket.frame();
  return socket;
}

async function fate(socket, ...frames) {
  socket.send(...frames, BARRIER);
  const seen = [];
  for (;;) {
    const frame = await socket.frame();
    if (frame === null) return { seen, closed: socket.ended };
    const found = read(frame);
    if (found.type === 3 && found.id === 7777) return { seen };
    seen.push(found);
  }
}

/** Frames sent; then all that comes until a barrier, or the end. */
const sent = {
  'an event': packet({ type: 2, nsp: '/', data: ['message', 1, 'two', null, { three: [3] }] }),
  'an event with options': packet({ type: 2, nsp: '/', data: ['message', 1], options: { compress: true } }),
  'an event of bytes': packet({ type: 2, nsp: '/', data: ['message', Buffer.from([1, 2])] }),
  'an event that asks': packet({ type: 2, nsp: '/', id: 5, data: ['message-with-ack', Buffer.from([1]), 'x'] }),
  'an event nobody listens to': packet({ type: 2, nsp: '/', data: ['unheard', 1] }),
  'an event named connect': packet({ type: 2, nsp: '/', data: ['connect', 1] }),
  'an event without data': packet({ type: 2, nsp: '/' }),
  'an event whose data is no list': packet({ type: 2, nsp: '/', data: { 0: 'message' } }),
  'an event of no name': packet({ type: 2, nsp: '/', data: [] }),
  'an event whose name is a number': packet({ type: 2, nsp: '/', data: [5] }),
  'an event without namespace': packet({ type: 2, data: ['message', 1] }),
  'an event whose namespace is a number': packet({ type: 2, nsp: 5, data: ['message', 1] }),
  'an event of a namespace not joined': packet({ type: 2, nsp: '/custom', data: ['message', 1] }),
  'an id that is text': packet({ type: 2, nsp: '/', id: '5', data: ['message-with-ack'] }),
  'an id that is a fraction': packet({ type: 2, nsp: '/', id: 1.5, data: ['message-with-ack'] }),
  'an id that is null': packet({ type: 2, nsp: '/', id: null, data: ['message', 1] }),
  'an acknowledgement nobody asked for': packet({ type: 3, nsp: '/', id: 9, data: ['x'] }),
  'an acknowledgement without data': packet({ type: 3, nsp: '/', id: 9 }),
  'a disconnect with data': packet({ type: 1, nsp: '/', data: ['x'] }),
  'a connect error': packet({ type: 4, nsp: '/', data: { message: 'x' } }),
  'type 5': packet({ type: 5, nsp: '/', data: ['message', 1] }),
  'a type below all': packet({ type: -1, nsp: '/', data: ['message', 1] }),
  'a type that is text': packet({ type: '2', nsp: '/', data: ['message', 1] }),
  'a second connect': packet({ type: 0, nsp: '/' }),
  'an unknown namespace': packet({ type: 0, nsp: '/nope' }),
  'auth that is text': packet({ type: 0, nsp: '/custom', data: 'token' }),
  'no bytes': Buffer.alloc(0),
  'a number alone': Buffer.from([5]),
  'nothing alone': Buffer.from([0xc0]),
  'the byte that is never used': Buffer.from([0xc1]),
  'a packet cut short': packet({ type: 2, nsp: '/', data: ['message', 1] }).subarray(0, 12),
  'a packet and more': Buffer.concat([packet({ type: 2, nsp: '/', data: ['message', 1] }), Buffer.from([0xc0])]),
  'a list without end': Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
  'lists within lists': Buffer.alloc(5000, 0x91),
  'a text packet of the default parser': '42["message",1]',
  'rubbish as text': '4abc',
  'an empty message': '4',
};

export const cases = {
  ...Object.fromEntries(
    Object.entries(sent).map(([name, frame]) => [
      name,
      async (server) => {
        const result = await fate(await connected(server), frame);
        return { ...result, next: await fate(await connected(server)) };
      },
    ]),
  ),

  'connecting, with auth': async (server) => {
    const socket = await RawSocket.shaken(server);
    socket.send(packet({ type: 0, nsp: '/custom', data: { token: 'abc' } }));
    return [read(await socket.frame()), read(await socket.frame())];
  },

  'connecting to an unknown namespace': async (server) => {
    const socket = await RawSocket.shaken(server);
    socket.send(packet({ type: 0, nsp: '/nope' }));
    return read(await socket.frame());
  },

  'an event before any namespace': async (server) => {
    const socket = await RawSocket.shaken(server);
    socket.send(packet({ type: 2, nsp: '/', data: ['message', 1] }));
    return socket.untilClosed();
  },

  'polling: packets as base64': async (server) => {
    const base64 = (members) => `b${packet(members).toString('base64')}`;
    const session = await Polling.open(server);
    await session.post(base64({ type: 0, nsp: '/' }));
    const greeting = await session.packets(2);
    await session.post(payload(...[1, 2].map((number) => base64({ type: 2, nsp: '/', data: ['message', number] }))));
    const said = await session.packets(2);
    return [...greeting, ...said].map((text) => read(Buffer.from(text.slice(1), 'base64')));
  },

  'polling: rubbish as base64': async (server) => {
    const session = await Polling.open(server);
    const posted = await session.post('bwQ==');
    const { body } = await session.get();
    return { posted: posted.status, closed: body.split('\x1e').at(-1) };
  },
};
