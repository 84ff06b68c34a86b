// Socket.IO: packets of the kind that have brought servers down. This one lives on and serves the next client.

import { connect } from 'node:net';

import { Polling, payload } from '../lib/polling.mjs';
import { RawSocket } from '../lib/raw_socket.mjs';
import { within } from '../lib/waiting.mjs';

export const sets = ['base'];

const bytes = Buffer.from([1]);
const place = '{"_placeholder":true,"num":0}';

/** Frames; the connection's fate is told, and that of the next client. */
const hostile = {
  'a promise of very many attachments': [`45999999999-["message",${place}]`, bytes],
  'a promise of endlessly many attachments': [`45Infinity-["message",${place}]`, bytes],
  'a promise beyond all numbers': [`45${'9'.repeat(400)}-["message",${place}]`, bytes],
  'an acknowledgement that promises very many': [`46999999999-1[${place}]`, bytes],
  'attachments that never come': ['451-["message",{"_placeholder":true,"num":0}]', '451-["message",1]'],
  'an event named toString': ['42["toString",1]'],
  'an event named __proto__': ['42["__proto__",1]'],
  'an event named constructor': ['42["constructor",1]'],
  'an event named hasOwnProperty': ['42["hasOwnProperty",1]'],
  'an event named valueOf': ['425["valueOf"]'],
  'an event that is an object with toString': ['42[{"toString":"rekt"}]'],
  'an argument with toString': ['42["message",{"toString":"rekt"}]'],
  'an argument with hasOwnProperty': ['42["message",{"hasOwnProperty":1,"valueOf":2,"toJSON":3}]'],
  'an argument with __proto__': ['42["message",{"__proto__":{"polluted":true},"constructor":{"prototype":1}}]'],
  'an attachment beside hasOwnProperty': [`451-["message",{"hasOwnProperty":1,"a":${place}}]`, bytes],
  'an attachment beside toJSON': [`451-["message",{"toJSON":1,"a":${place}}]`, bytes],
  'an acknowledgement named by a method': ['43toString["x"]'],
  'a namespace without end': [`42/${'a/'.repeat(5000)}`],
  'a namespace of separators': ['40/,,,,{}'],
  'a namespace of bytes that are no name': ['40/\u0000\u0001\ud800,'],
  'half a character': ['42["message","\ud800"]'],
  'a broken escape': ['42["message","\\ud8"]'],
  'a character of four bytes as the type': ['4😀'],
  'a character of four bytes as the packet': ['😀'],
  'arrays within arrays': [`42["message",${'['.repeat(2000)}${']'.repeat(2000)}]`],
  'objects within objects': [`42["message",${'{"a":'.repeat(500)}1${'}'.repeat(500)}]`],
  'brackets that never close': [`42["message",${'['.repeat(20000)}`],
  'very many arguments': [`42["message",${'1,'.repeat(20000)}1]`],
  'a very long name': [`42["${'n'.repeat(100000)}",1]`],
  'very many rooms at once': [...Array.from({ length: 500 }, (_, number) => `42${number}["join","hostile-${number}"]`)],
};

export const cases = {
  ...Object.fromEntries(
    Object.entries(hostile).map(([name, frames]) => [
      name,
      async (server) => {
        const socket = await RawSocket.connected(server);
        socket.send(...frames);
        const { seen, ...fate } = await socket.untilBarrier();
        const next = await (await RawSocket.connected(server)).untilBarrier();
        return { seen: seen.length > 4 ? [seen.length, ...seen.slice(0, 2)] : seen, ...fate, next };
      },
    ]),
  ),

  'polling: characters of several bytes in a body that lies about its packets': async (server) => {
    const session = await Polling.connected(server);
    const posted = await session.post(payload('😀', '42["message","😀"]'));
    const next = await (await Polling.connected(server)).untilBarrier();
    return { posted: posted.status, then: await session.untilBarrier(), next };
  },

  'polling: very many packets in a body': async (server) => {
    const session = await Polling.connected(server);
    const posted = await session.post(payload(...Array.from({ length: 5000 }, () => '42["message"]')));
    const { seen } = await session.untilBarrier();
    return { posted: posted.status, count: seen.length, all: seen.every((packet) => packet === '42["message-back"]') };
  },

  'polling: very many separators': async (server) => {
    const session = await Polling.connected(server);
    const posted = await session.post('\x1e'.repeat(100000));
    const next = await (await Polling.connected(server)).untilBarrier();
    return { posted: posted.status, then: await session.untilBarrier(), next };
  },

  'connections that end at every stage': async (server) => {
    for (let round = 0; round < 10; round += 1) {
      (await RawSocket.shaken(server)).web.terminate();
      (await RawSocket.connected(server)).web.terminate();
      const early = await RawSocket.open(server);
      early.send('40');
      early.web.terminate();
    }
    return (await RawSocket.connected(server)).untilBarrier();
  },

  'connections that are reset at every stage': async (server) => {
    const sid = (await Polling.open(server)).handshake.sid;
    for (const query of [{}, { transport: 'polling' }, { sid }, { sid, transport: 'polling' }, { EIO: '3' }]) {
      const socket = await RawSocket.open(server, query);
      if (socket.refused) continue;
      // The server may have ended it already.
      socket.web._socket?.resetAndDestroy();
    }
    return (await RawSocket.connected(server)).untilBarrier();
  },

  'frames that no WebSocket client makes': async (server) => {
    const ends = [];
    const unmasked = Buffer.from([0x81, 0x01, 0x34]);
    const reservedBit = Buffer.from([0xf1, 0x81, 0, 0, 0, 0, 0x34]);
    const reservedOpcode = Buffer.from([0x83, 0x81, 0, 0, 0, 0, 0x34]);
    const longPing = Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), Buffer.alloc(126)]);
    const loneContinuation = Buffer.from([0x80, 0x81, 0, 0, 0, 0, 0x34]);
    const badCloseCode = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]);
    for (const bytes of [unmasked, reservedBit, reservedOpcode, longPing, loneContinuation, badCloseCode]) {
      const socket = await RawSocket.connected(server);
      socket.web._socket.write(bytes);
      ends.push(await socket.untilClosed());
    }
    return { ends, next: await (await RawSocket.connected(server)).untilBarrier() };
  },

  'requests that are no HTTP': async (server) => {
    const heads = ['\0\0\0\0\r\n\r\n', `GET ${server.path}?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\n\r\n`];
    for (const head of heads) {
      const { hostname, port } = new URL(server.url);
      const connection = connect(Number(port), hostname);
      connection.on('error', () => {});
      connection.end(head);
      connection.resume();
      await within('the end of a connection', new Promise((resolve) => connection.on('close', resolve)));
    }
    return (await RawSocket.connected(server)).untilBarrier();
  },
};
