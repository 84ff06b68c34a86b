// Socket.IO: joining and leaving namespaces, packet by packet.

import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base'];

/** What is answered to a first packet, and whether the connection lives on: shown by connecting to `/dyn-9`. */
const first = {
  'the main namespace': '40',
  'the main namespace by its name': '40/,',
  'the main namespace with auth': '40{"token":"abc","nested":{"a":[1,null]}}',
  'the main namespace with empty auth': '40{}',
  'another namespace': '40/custom,',
  'another namespace without the comma': '40/custom',
  'another namespace with auth': '40/custom,{"token":"abc"}',
  'a namespace that matches a pattern': '40/dyn-101,',
  'a namespace that nearly matches a pattern': '40/dyn-,',
  'a namespace that matches a pattern and goes on': '40/dyn-1x,',
  'an unknown namespace': '40/nope,',
  'an unknown namespace without the comma': '40/nope',
  'an unknown namespace with auth': '40/nope,{"token":"let-me-in"}',
  'a namespace in capitals': '40/CUSTOM,',
  'a namespace with a query': '40/custom?token=abc,',
  'a namespace with an escape': '40/c%75stom,',
  'a namespace of many characters': `40/${'n'.repeat(500)},`,
  'a namespace named __proto__': '40/__proto__,',
  'a guarded namespace without auth': '40/guarded,',
  'a guarded namespace with the wrong token': '40/guarded,{"token":"open sesame"}',
  'a guarded namespace with the token': '40/guarded,{"token":"let-me-in"}',
  'a guarded namespace with a token of another type': '40/guarded,{"token":["let-me-in"]}',
  'auth with __proto__': '40/custom,{"__proto__":{"token":"let-me-in"},"toString":1}',
  'a guarded namespace by way of __proto__': '40/guarded,{"__proto__":{"token":"let-me-in"}}',
  'auth that is null': '40null',
  'auth that is an array': '40["token"]',
  'auth that is text': '40"token"',
  'an id': '405',
  'auth that is broken': '40{"token":',
  'an event before any namespace': '42["message",1]',
  'an event for a namespace not joined': '42/custom,["message",1]',
  'an acknowledgement before any namespace': '430["message"]',
  'a disconnect before any namespace': '41',
  'a connect error before any namespace': '44{"message":"x"}',
  'a binary event before any namespace': '451-["message",{"_placeholder":true,"num":0}]',
};

export const cases = {
  ...Object.fromEntries(
    Object.entries(first).map(([name, frame]) => [
      `first: ${name}`,
      async (server) => {
        const socket = await RawSocket.shaken(server);
        socket.send(frame);
        return afterwards(socket);
      },
    ]),
  ),

  'connecting twice': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40');
    return socket.untilClosed();
  },

  'connecting twice to another namespace': async (server) => {
    const socket = await RawSocket.connected(server, '/custom');
    socket.send('40/custom,');
    return socket.untilClosed();
  },

  'namespaces have ids of their own': async (server) => {
    const socket = await RawSocket.shaken(server);
    const ids = [socket.handshake.sid];
    for (const frame of ['40', '40/custom,']) {
      socket.send(frame);
      const answer = await socket.frame();
      ids.push(JSON.parse(answer.slice(answer.indexOf('{'))).sid);
      await socket.frame();
    }
    return { distinct: new Set(ids).size, urlSafe: ids.every((id) => /^[A-Za-z0-9_-]+$/.test(id)) };
  },

  'two namespaces on one connection': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40/custom,{"who":"custom"}');
    const joined = await socket.frames(2);
    socket.send('42/custom,["message","custom"]', '42["message","main"]');
    return { joined, custom: await socket.untilBarrier('/custom'), main: await socket.untilBarrier() };
  },

  'leaving one of two namespaces': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40/custom,');
    await socket.frames(2);
    socket.send('41/custom,');
    const left = await socket.untilBarrier();
    socket.send('40/custom,');
    return { left, again: await socket.frames(2), then: await socket.untilBarrier('/custom') };
  },

  'leaving the first namespace, and coming back': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40/custom,');
    await socket.frames(2);
    socket.send('41');
    const left = await socket.untilBarrier('/custom');
    socket.send('40{"again":true}');
    return { left, again: await socket.frames(2), then: await socket.untilBarrier() };
  },

  'an event after leaving': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40/custom,');
    await socket.frames(2);
    socket.send('41/custom,');
    await socket.untilBarrier();
    socket.send('42/custom,["message",1]');
    return socket.untilClosed();
  },

  'a disconnect with data': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('41["bye"]');
    return socket.untilClosed();
  },

  'kicked out of a namespace': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40/custom,');
    await socket.frames(2);
    socket.send('42/custom,["kick-me"]');
    const kicked = await socket.frames(1);
    return { kicked, then: await socket.untilBarrier() };
  },

  'kicked out of the only namespace': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["kick-me"]');
    const kicked = await socket.frames(1);
    socket.send('40');
    return { kicked, again: await socket.frames(2) };
  },

  'kicked out altogether': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('40/custom,');
    await socket.frames(2);
    socket.send('42["kick-me-hard"]');
    const { seen, closed } = await socket.untilClosed();
    return { seen: seen.sort(), closed };
  },
};

/** All that comes until the connection ends or a namespace not seen before has been joined. */
async function afterwards(socket) {
  socket.send('40/dyn-9,');
  const seen = [];
  for (;;) {
    const [frame] = await socket.frames(1);
    if (frame.ended) return { seen, closed: socket.ended };
    if (frame.startsWith?.('42/dyn-9,')) return { seen: seen.filter((one) => !one.startsWith('40/dyn-9,')) };
    seen.push(frame);
  }
}
