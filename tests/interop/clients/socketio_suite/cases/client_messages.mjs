// socket.io-client: events, acknowledgements both ways, bytes and big things; over each way to connect.

import { Client } from '../lib/client.mjs';
import { plainValue } from '../lib/plain.mjs';

export const sets = ['base', 'msgpack'];

const ways = {
  websocket: { transports: ['websocket'] },
  polling: { transports: ['polling'] },
  upgrade: { transports: ['polling', 'websocket'] },
};

const tried = {
  'says and hears every kind of value': async (client) => {
    client.emit('message', null, true, 1.5, -7, 'text ü 😀', [], {}, [1, [2]], { a: { b: null } });
    client.emit('message');
    await client.settled();
    return client.takeLog();
  },

  'says and hears undefined': async (client) => {
    client.emit('message', undefined, { left: undefined, kept: null }, 1);
    await client.settled();
    return client.takeLog();
  },

  'numbers great and small': async (client) => {
    client.emit('message', 0, 127, 128, 255, 256, 65535, 65536, 2147483647, 4294967295, 4294967296, 9007199254740991);
    client.emit('message', -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, -9007199254740991);
    client.emit('message', 0.5, 1e-7, 1.7976931348623157e308, 5e-324);
    await client.settled();
    return client.takeLog();
  },

  'texts and lists of every size of head': async (client) => {
    for (const size of [31, 32, 255, 256, 65535, 65536]) client.emit('message', 't'.repeat(size));
    for (const size of [15, 16, 300]) client.emit('message', Array.from({ length: size }, (_, index) => index));
    for (const size of [15, 16, 300]) {
      client.emit('message', Object.fromEntries(Array.from({ length: size }, (_, index) => [`k${index}`, index])));
    }
    await client.settled();
    return client.takeLog().map(({ args }) => plainValue(JSON.stringify(args)));
  },

  'is acknowledged': async (client) => [
    await client.ask('message-with-ack'),
    await client.ask('message-with-ack', 1, 'two', { three: [3] }),
    await client.ask('message-with-ack', null),
  ],

  'is not acknowledged in time': async (client) => {
    const answer = await new Promise((resolve) => client.socket.timeout(100).emit('unheard', (error) => resolve(error)));
    return plainValue(answer);
  },

  'is promised an acknowledgement': async (client) => {
    return plainValue(await client.socket.timeout(8000).emitWithAck('message-with-ack', 'promise'));
  },

  'answers a question': async (client) => {
    client.socket.on('question', (...args) => args.pop()('fine', ...args));
    client.emit('ask-me', 8000, 'how', { are: 'you' });
    await client.heard('answered');
    return client.takeLog();
  },

  'leaves a question unanswered': async (client) => {
    client.emit('ask-me', 100, 'anybody');
    await client.heard('unanswered');
    return client.takeLog();
  },

  'bytes': async (client) => {
    const bytes = Buffer.from([0, 1, 0x1e, 0x80, 0xff]);
    client.emit('message', bytes);
    client.emit('message', { nested: [{ deep: bytes }, 'text', bytes] }, Buffer.alloc(0));
    client.emit('message', new Uint8Array([1, 2, 3]), new Uint8Array([4, 5]).buffer);
    const acked = await client.ask('message-with-ack', bytes, { also: bytes });
    return { acked, log: client.takeLog() };
  },

  'answers a question with bytes': async (client) => {
    client.socket.on('question', (bytes, answer) => answer(bytes, { again: [bytes] }));
    client.emit('ask-me', 8000, Buffer.from('what is this'));
    await client.heard('answered');
    return client.takeLog();
  },

  'text and bytes keep their order': async (client) => {
    for (let number = 0; number < 30; number += 1) {
      client.emit('message', number % 3 ? number : Buffer.from([number]));
    }
    await client.settled();
    return client.takeLog().map(({ args }) => args[0]);
  },

  '700 kB of bytes': async (client) => {
    client.emit('message', Buffer.alloc(700_000, 5));
    return client.heardOrEnded('message-back');
  },

  // As msgpack, by polling, that is more than is allowed.
  '900 kB of text': async (client) => {
    client.emit('message', 'x'.repeat(900_000));
    return client.heardOrEnded('message-back');
  },

  // As base64, by polling, that is more than is allowed.
  '900 kB of bytes': async (client) => {
    client.emit('message', Buffer.alloc(900_000, 5));
    return client.heardOrEnded('message-back');
  },

  '1.2 MB of text': async (client) => {
    client.emit('message', 'x'.repeat(1_200_000));
    return client.heardOrEnded('message-back');
  },
};

/** A client that takes and sends bytes as text alone. */
const base64 = Object.entries(ways).map(([name, way]) => [
  `${name}: bytes as Base64 alone`,
  async (server) => {
    const client = await Client.connected(server, '/', { ...way, forceBase64: true });
    if (name === 'upgrade') await client.upgraded();
    client.takeLog();
    return tried.bytes(client);
  },
]);

export const cases = Object.fromEntries(
  Object.entries(ways).flatMap(([name, way]) =>
    Object.entries(tried).map(([what, run]) => [
      `${name}: ${what}`,
      async (server) => {
        const client = await Client.connected(server, '/', way);
        if (name === 'upgrade') await client.upgraded();
        client.takeLog();
        return run(client);
      },
    ]),
  ).concat(base64),
);
