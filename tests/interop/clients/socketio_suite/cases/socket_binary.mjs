// Socket.IO: events whose bytes travel beside them, and what happens when they do not.

import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base'];

const ONE = '{"_placeholder":true,"num":0}';
const TWO = '{"_placeholder":true,"num":1}';
const [A, B] = [Buffer.from('bytes a'), Buffer.from('bytes b')];

/** Frames sent; then all that comes until a barrier, or the end. */
const sent = {
  'one attachment': [`451-["message",${ONE}]`, A],
  'two attachments, deep within': [`452-["message",{"a":[${TWO}]},[${ONE}]]`, A, B],
  'an attachment used twice': [`451-["message",${ONE},${ONE}]`, A],
  'an attachment of no bytes': [`451-["message",${ONE}]`, Buffer.alloc(0)],
  'an acknowledgement of bytes': [`451-12["message-with-ack",${ONE},"text"]`, A],
  'another namespace that was not joined': [`451-/custom,["message",${ONE}]`, A],
  'an attachment without placeholder': ['451-["message","none"]', A],
  'a placeholder without attachment': [`451-["message",${ONE},${TWO}]`, A],
  'a placeholder of a negative number': ['451-["message",{"_placeholder":true,"num":-1}]', A],
  'a placeholder of text': ['451-["message",{"_placeholder":true,"num":"0"}]', A],
  'a placeholder without number': ['451-["message",{"_placeholder":true}]', A],
  'a placeholder named toString': ['451-["message",{"_placeholder":true,"num":"toString"}]', A],
  'a placeholder named length': ['451-["message",{"_placeholder":true,"num":"length"}]', A],
  'a placeholder that is false': ['451-["message",{"_placeholder":false,"num":0}]', A],
  'a placeholder with more members': ['451-["message",{"_placeholder":true,"num":0,"more":1}]', A],
  'text in place of the attachment': [`451-["message",${ONE}]`, '42["message",1]'],
  'text in place of the second attachment': [`452-["message",${ONE},${TWO}]`, A, '42["message",1]'],
  'a ping answered between attachments': [`452-["message",${ONE},${TWO}]`, A, '3', B],
  'bytes without event': [A],
  'no attachments': ['450-["message",1]'],
  'no number of attachments': ['45-["message",1]'],
  'no number and no event': ['45-'],
  'no dash': ['451["message",1]'],
  'only a type': ['45'],
  'a number that is negative': ['45-1-["message",1]'],
  'a number that is a fraction': [`451.5-["message",${ONE}]`, A],
  'a reserved name': [`451-["connect",${ONE}]`, A],
  'an event whose name is the attachment': [`451-[${ONE}]`, A],
  'an acknowledgement nobody asked for': [`461-5[${ONE}]`, A],
  'a broken event': ['451-["message",'],
};

export const cases = {
  ...Object.fromEntries(
    Object.entries(sent).map(([name, frames]) => [
      name,
      async (server) => {
        const socket = await RawSocket.connected(server);
        socket.send(...frames);
        return socket.untilBarrier();
      },
    ]),
  ),

  ...Object.fromEntries(
    [9, 10, 11, 12].map((count) => [
      `${count} attachments`,
      async (server) => {
        const socket = await RawSocket.connected(server);
        const places = Array.from({ length: count }, (_, num) => `{"_placeholder":true,"num":${num}}`);
        socket.send(`45${count}-["message",${places}]`);
        for (let num = 0; num < count; num += 1) socket.send(Buffer.from([num]));
        return socket.untilBarrier();
      },
    ]),
  ),

  'bytes after the last attachment': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send(`451-["message",${ONE}]`, A);
    const seen = await socket.frames(2);
    socket.send(B);
    return { seen, then: await socket.untilBarrier() };
  },

  'in another namespace': async (server) => {
    const socket = await RawSocket.connected(server, '/custom');
    socket.send(`451-/custom,["message",${ONE}]`, A, `451-/custom,7["message-with-ack",${ONE}]`, B);
    return socket.untilBarrier('/custom');
  },

  'a connection that ends between attachments': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send(`452-["message",${ONE},${TWO}]`, A);
    socket.close();
    const end = await socket.untilClosed();
    return { end, next: await (await RawSocket.connected(server)).untilBarrier() };
  },
};
