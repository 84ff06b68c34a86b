// Socket.IO: what a server makes of a packet because it is written in JavaScript, where the protocol says nothing. A
// server in another language may well depart from these, and should say so.

import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base'];

const ONE = '{"_placeholder":true,"num":0}';
const A = Buffer.from('bytes a');

/** Frames sent; then all that comes until a barrier, or the end; and that the next client is served. */
const sent = {
  'a number of attachments with an exponent': [`451e0-["message",${ONE}]`, A],
  'a number of attachments in hexadecimal': [`450x1-["message",${ONE}]`, A],
  'a number of attachments with a space': [`45 1-["message",${ONE}]`, A],
  'a placeholder of a fraction': ['451-["message",{"_placeholder":true,"num":0.5}]', A],
  'an id that is too great': ['4299999999999999999999["message-with-ack",1]'],
  'an id of very many digits': [`42${'1'.repeat(5000)}["message-with-ack",1]`],
  'half a character, escaped': ['42["message","\\ud800"]'],
  'numbers that no double holds': ['42["message",1e400,-1e400,123456789012345678901234567890]'],
};

export const cases = Object.fromEntries(
  Object.entries(sent).map(([name, frames]) => [
    name,
    async (server) => {
      const socket = await RawSocket.connected(server);
      socket.send(...frames);
      const fate = await socket.untilBarrier();
      return { ...fate, next: await (await RawSocket.connected(server)).untilBarrier() };
    },
  ]),
);
