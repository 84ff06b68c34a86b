// Socket.IO: connection state recovery, frame by frame.

import { plainText } from '../lib/plain.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['recovery'];

/** Connects and keeps what a client keeps: its ids and the offset of the last event. */
async function connected(server, auth = '', namespace = '') {
  const socket = await RawSocket.shaken(server);
  socket.send(`40${namespace}${auth}`);
  const answer = await socket.frame();
  const { sid, pid } = JSON.parse(answer.slice(answer.indexOf('{')));
  const greeting = await socket.frame();
  return { socket, sid, pid, offset: JSON.parse(greeting.slice(greeting.indexOf('['))).at(-1), answer };
}

/** An event's offset is its last argument. */
function withoutOffset(frame) {
  return typeof frame === 'string' ? frame.replace(/,"[\w.-]+"\]$/, ',"<offset>"]') : frame;
}

function auth(pid, offset) {
  return JSON.stringify({ pid, offset });
}

/** Asks for recovery with this auth after the first connection is gone, and tells what comes. */
async function returning(server, authOf) {
  const first = await connected(server);
  first.socket.close();
  await first.socket.untilClosed();
  const second = await RawSocket.shaken(server);
  second.send(`40${authOf(first)}`);
  const seen = [];
  let sid;
  while (!seen.some((frame) => frame.startsWith('42["auth"'))) {
    const frame = await second.frame();
    if (frame === null) return { seen, closed: second.ended };
    if (frame.startsWith('40{')) sid = JSON.parse(frame.slice(2)).sid;
    seen.push(withoutOffset(plainText(frame)));
  }
  return { seen, sameId: sid === first.sid };
}

export const cases = {
  'CONNECT brings a private id beside the id': async (server) => {
    const { answer, sid, pid } = await connected(server);
    return { members: Object.keys(JSON.parse(answer.slice(2))), distinct: sid !== pid, pid: typeof pid };
  },

  'events bring an offset, and each its own': async (server) => {
    const { socket } = await connected(server);
    socket.send('42["message",1]', '42["message","x",{"a":1}]', '42["message"]');
    const { seen } = await socket.untilBarrier();
    return { seen: seen.map(withoutOffset), distinct: new Set(seen.map((frame) => frame.slice(-12))).size };
  },

  'a saying in a room brings an offset': async (server) => {
    const { socket } = await connected(server);
    socket.send('421["join","offsets"]', '42["say","offsets",1]');
    const { seen } = await socket.untilBarrier();
    return seen.map(withoutOffset);
  },

  'a volatile saying brings none': async (server) => {
    const { socket } = await connected(server);
    socket.send('421["join","volatile offsets"]');
    const joined = await socket.frames(1);
    socket.send('42["maybe","volatile offsets",1]');
    return { joined, ...(await socket.untilBarrier()) };
  },

  'a question brings none': async (server) => {
    const { socket } = await connected(server);
    socket.send('42["ask-me",60000,"how"]');
    const [question] = await socket.frames(1);
    return question.replace(/^42\d+/, '42<id>');
  },

  'the right ids bring the session back': (server) => returning(server, ({ pid, offset }) => auth(pid, offset)),
  'a wrong private id makes a new one': (server) => returning(server, ({ offset }) => auth('a'.repeat(18), offset)),
  'a wrong offset makes a new one': (server) => returning(server, ({ pid }) => auth(pid, 'never')),
  'no offset makes a new one': (server) => returning(server, ({ pid }) => JSON.stringify({ pid })),
  'the public id in place of the private': (server) => returning(server, ({ sid, offset }) => auth(sid, offset)),
  'a private id that is no text': (server) => returning(server, ({ offset }) => auth(5, offset)),
  'a private id named __proto__': (server) => returning(server, ({ offset }) => auth('__proto__', offset)),
  'an offset that is no text': (server) => returning(server, ({ pid }) => auth(pid, { a: 1 })),
  'other members of auth stay': (server) => {
    return returning(server, ({ pid, offset }) => JSON.stringify({ token: 'abc', pid, offset }));
  },
};
