// Engine.IO: packets both ways on both transports.

import { Agent } from 'node:http';

import { ask, outcome, plainAnswer } from '../lib/http.mjs';
import { plainText } from '../lib/plain.mjs';
import { Polling, payload } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base', 'other-path'];

const BYTES = Buffer.from([0, 1, 2, 0x1e, 0x80, 0xff]);

export const cases = {
  'polling: a message there and back': async (server) => {
    const session = await Polling.connected(server);
    const posted = plainAnswer(await session.post('42["message","héllo 😀"]'));
    return [posted, plainAnswer(await session.get())];
  },

  'polling: several packets in one body': async (server) => {
    const session = await Polling.connected(server);
    const posted = await session.post(payload('42["message",1]', '42["message",2]', '42["message",3]'));
    return [posted.status, await session.untilBarrier()];
  },

  'polling: two namespaces in one body': async (server) => {
    const session = await Polling.open(server);
    await session.post(payload('40', '40/custom,'));
    const packets = await session.packets(4);
    return packets.sort();
  },

  'polling: answers wait for the next poll': async (server) => {
    const session = await Polling.connected(server);
    for (const number of [1, 2, 3]) await session.post(`42["message",${number}]`);
    return session.untilBarrier();
  },

  'polling: a poll waits for the next message': async (server) => {
    const session = await Polling.connected(server);
    const poll = session.get();
    await session.post('42["message","woken"]');
    return plainAnswer(await poll);
  },

  'polling: binary as base64': async (server) => {
    const session = await Polling.connected(server);
    const event = '451-["message",{"_placeholder":true,"num":0}]';
    const posted = await session.post(payload(event, `b${BYTES.toString('base64')}`));
    return [posted.status, await session.packets(2)];
  },

  'polling: binary of several lengths': async (server) => {
    const session = await Polling.connected(server);
    const seen = [];
    for (const length of [0, 1, 2, 3]) {
      const bytes = BYTES.subarray(0, length).toString('base64');
      await session.post(payload('451-["message",{"_placeholder":true,"num":0}]', `b${bytes}`));
      seen.push(await session.packets(2));
    }
    return seen;
  },

  'polling: base64 without padding': async (server) => {
    const session = await Polling.connected(server);
    await session.post(payload('451-["message",{"_placeholder":true,"num":0}]', 'bAAE'));
    return session.packets(2);
  },

  'polling: a separator that ends the body': async (server) => {
    const session = await Polling.connected(server);
    const posted = await session.post(`42["message",1]\x1e`);
    return [posted.status, await session.untilBarrier()];
  },

  'polling: text of many bytes a character': async (server) => {
    const session = await Polling.connected(server);
    await session.post(`42["message","${'€😀ü'.repeat(2000)}"]`);
    return session.packets(1);
  },

  'polling: a body in pieces that split characters': async (server) => {
    const session = await Polling.connected(server);
    const bytes = Buffer.from('42["message","€😀"]');
    // Node sends each byte in a chunk of its own.
    const posted = await session.post(bytes, { headers: { 'transfer-encoding': 'chunked' } });
    return [posted.status, await session.untilBarrier()];
  },

  'polling: a whole session on one connection': async (server) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    server.atEnd(() => agent.destroy());
    const session = await Polling.open(server, {}, { agent });
    const seen = [(await session.post('40', { agent })).status];
    for (const number of [1, 2, 3]) {
      seen.push(outcome(await session.post(`42["message",${number}]`, { agent })));
      seen.push(await session.packets(number === 1 ? 3 : 1, { agent }));
    }
    return { seen, refused: outcome(await ask(server.http({ transport: 'pigeon' }), { agent })) };
  },

  'polling: a client that takes gzip can read it': async (server) => {
    const session = await Polling.connected(server);
    await session.post(`42["message","${'x'.repeat(5000)}"]`);
    const response = await fetch(session.url(), { headers: { 'accept-encoding': 'gzip, deflate' } });
    return { status: response.status, body: plainText(await response.text()) };
  },

  'polling: a content type of plain text': async (server) => {
    const session = await Polling.connected(server);
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    const posted = await session.post('42["message",1]', { headers });
    return [plainAnswer(posted), await session.untilBarrier()];
  },

  'polling: a client that asks for base64': async (server) => {
    const session = await Polling.open(server, { b64: '1' });
    await session.post('40');
    await session.packets(2);
    await session.post(payload('451-["message",{"_placeholder":true,"num":0}]', `b${BYTES.toString('base64')}`));
    return session.packets(2);
  },

  'websocket: messages there and back': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["message",1,"héllo 😀"]', '42["message",2]');
    return socket.untilBarrier();
  },

  'websocket: binary there and back': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('451-["message",{"_placeholder":true,"num":0}]', BYTES);
    return socket.frames(2);
  },

  'websocket: base64 as text': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('451-["message",{"_placeholder":true,"num":0}]', `b${BYTES.toString('base64')}`);
    return socket.frames(2);
  },

  'websocket: a client that asks for base64': async (server) => {
    const socket = await RawSocket.shaken(server, { b64: '1' });
    socket.send('40');
    await socket.frames(2);
    socket.send('451-["message",{"_placeholder":true,"num":0}]', BYTES);
    return socket.frames(2);
  },

  'websocket: a message in fragments': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.web.send('42["mess', { fin: false });
    socket.web.send('age",', { fin: false });
    socket.web.send('1]', { fin: true });
    return socket.untilBarrier();
  },

  'websocket: a control ping is answered with its bytes': async (server) => {
    const socket = await RawSocket.connected(server);
    const ponged = new Promise((resolve) => socket.web.once('pong', (data) => resolve(data.toString())));
    socket.web.ping('are you there');
    return ponged;
  },
};
