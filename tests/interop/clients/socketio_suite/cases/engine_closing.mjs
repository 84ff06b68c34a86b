// Engine.IO: what ends a session, how the client sees it, and what does not.

import { connect } from 'node:net';

import { ask, outcome, plainAnswer } from '../lib/http.mjs';
import { Polling, payload } from '../lib/polling.mjs';
import { RawSocket, plainFrame } from '../lib/raw_socket.mjs';
import { forgotten } from '../lib/session_end.mjs';
import { pass, within } from '../lib/waiting.mjs';

export const sets = ['base'];

/** What a body does to a session, and to the poll that waits. */
const bodies = {
  'nothing': '',
  'rubbish': 'abc',
  'an unknown packet type': '9',
  'an unknown packet type after a good packet': payload('42["message",1]', '9', '42["message",2]'),
  'two separators': '42["message",1]\x1e\x1e42["message",2]',
  'the payload format of version 3': '13:42["message"]',
  'a ping': '2',
  'a probe': '2probe',
  'an unasked pong': '3',
  'an open packet': '0',
  'an upgrade packet': '5',
  'a noop': '6',
  'a close packet': '1',
  'a close packet between messages': payload('42["message",1]', '1', '42["message",2]'),
  'an empty message': '4',
  'base64 that belongs to nothing': 'bAAAA',
  'base64 that is none': 'b!!!!',
};

/** What a frame does to a session on a WebSocket. */
const frames = {
  'an empty frame': '',
  'rubbish': 'abc',
  'an unknown packet type': '9',
  'a ping': '2',
  'a probe': '2probe',
  'an unasked pong': '3',
  'a pong with data': '3probe',
  'an open packet': '0',
  'an upgrade packet': '5',
  'a noop': '6',
  'a close packet': '1',
  'an empty message': '4',
  'bytes that belong to nothing': Buffer.from([1, 2, 3]),
  'no bytes': Buffer.alloc(0),
  'base64 that belongs to nothing': 'bAAAA',
};

const bodyCases = Object.entries(bodies).map(([name, body]) => [
  `polling: ${name}`,
  async (server) => {
    const session = await Polling.connected(server);
    const posted = plainAnswer(await session.post(body));
    return { posted, then: await session.untilBarrier() };
  },
]);

const frameCases = Object.entries(frames).map(([name, frame]) => [
  `websocket: ${name}`,
  async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send(frame);
    return socket.untilBarrier();
  },
]);

/** How a client closes its WebSocket, and with what the server answers. */
const closeCases = [[], [1000, 'done'], [1001], [3000, 'of its own'], [4999]].map((how) => [
  `websocket: the client closes with ${how.length ? how.join(' ') : 'no code'}`,
  async (server) => {
    const socket = await RawSocket.connected(server);
    socket.close(...how);
    return socket.untilClosed();
  },
]);

export const cases = {
  ...Object.fromEntries([...bodyCases, ...frameCases, ...closeCases]),

  'polling: a close packet releases the poll that waits': async (server) => {
    const session = await Polling.connected(server);
    const poll = session.get();
    await pollArrived(server);
    const posted = outcome(await session.post('1'));
    return { posted, poll: outcome(await poll), then: outcome(await session.get()) };
  },

  'polling: rubbish while a poll waits': async (server) => {
    const session = await Polling.connected(server);
    const poll = session.get();
    await pollArrived(server);
    const posted = outcome(await session.post('abc'));
    return { posted, poll: outcome(await poll), then: outcome(await session.get()) };
  },

  'polling: two polls at once': async (server) => {
    const session = await Polling.connected(server);
    const polls = [session.get()];
    await pollArrived(server);
    polls.push(session.get());
    const outcomes = (await Promise.all(polls)).map(outcome);
    outcomes.sort((one, other) => one.status - other.status);
    return { outcomes, then: outcome(await session.get()) };
  },

  'polling: two POSTs at once': async (server) => {
    const session = await Polling.connected(server);
    const slow = slowPost(session, '42["message",1]');
    await slow.begun;
    await pollArrived(server);
    const second = outcome(await session.post('42["message",2]'));
    // Node cuts the first off; a server may as well refuse it.
    return { second, firstTaken: (await slow.finish()) === 200, then: outcome(await session.get()) };
  },

  'polling: a slow POST beside polls': async (server) => {
    const session = await Polling.connected(server);
    const slow = slowPost(session, '42["message",1]');
    await slow.begun;
    await pollArrived(server);
    const poll = session.get();
    return { first: await slow.finish(), poll: plainAnswer(await poll) };
  },

  'polling: a poll given up': async (server) => {
    const session = await Polling.connected(server);
    const control = new AbortController();
    const poll = session.get({ signal: control.signal });
    await pollArrived(server);
    control.abort();
    await poll;
    await forgotten(server, session.handshake.sid);
    return outcome(await session.get());
  },

  'polling: a POST given up': async (server) => {
    const session = await Polling.connected(server);
    const slow = slowPost(session, '42["message",1]');
    await slow.begun;
    await pollArrived(server);
    slow.abandon();
    await forgotten(server, session.handshake.sid);
    return outcome(await session.get());
  },

  'polling: a POST of bytes': async (server) => {
    const session = await Polling.connected(server);
    const posted = await session.post('42["message",1]', { headers: { 'content-type': 'application/octet-stream' } });
    return { posted: plainAnswer(posted), then: outcome(await session.get()) };
  },

  ...Object.fromEntries(
    ['PUT', 'DELETE', 'PATCH', 'HEAD'].map((method) => [
      `polling: ${method} on a session`,
      async (server) => {
        const session = await Polling.connected(server);
        const answer = plainAnswer(await session.get({ method }));
        return { answer, then: await session.untilBarrier() };
      },
    ]),
  ),

  'polling: a session asked for by another transport': async (server) => {
    const session = await Polling.connected(server);
    const answer = plainAnswer(await session.get({ query: { transport: 'websocket' } }));
    return { answer, then: await session.untilBarrier() };
  },

  'polling: a session asked for in another version': async (server) => {
    const session = await Polling.connected(server);
    const answer = plainAnswer(await session.get({ query: { EIO: '3' } }));
    return { answer, then: await session.untilBarrier() };
  },

  'polling: the session of a WebSocket': async (server) => {
    const socket = await RawSocket.connected(server);
    const query = { transport: 'polling', sid: socket.handshake?.sid };
    const got = plainAnswer(await ask(server.http(query)));
    const posted = plainAnswer(await ask(server.http(query), { method: 'POST', body: '42["message",1]' }));
    return { got, posted, then: await socket.untilBarrier() };
  },

  'websocket: text that is not UTF-8': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.web.send(Buffer.from([0x34, 0xff, 0xfe]), { binary: false });
    return socket.untilClosed();
  },

  'websocket: a session is over when its connection is': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.close();
    await socket.untilClosed();
    const again = await RawSocket.open(server, { sid: socket.handshake.sid });
    return again.refused ? plainAnswer(again.refused) : plainFrame(await again.frame());
  },

  'a closed session leaves the next one alone': async (server) => {
    const session = await Polling.connected(server);
    await session.post('abc');
    return (await Polling.connected(server)).untilBarrier();
  },
};

/** A request sent before has been taken up: later ones were answered. */
async function pollArrived(server) {
  for (let round = 0; round < 3; round += 1) await ask(server.http({ transport: 'pigeon' }));
  await pass(30);
}

/** A POST of which the last byte is held back. */
function slowPost(session, body) {
  const { hostname, port, pathname, search } = new URL(session.url());
  const connection = connect(Number(port), hostname);
  let said = '';
  const ended = new Promise((resolve) => connection.on('close', resolve));
  const answered = new Promise((resolve) => {
    connection.on('data', (data) => {
      said += data;
      resolve();
    });
  });
  connection.on('error', () => {});
  const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${body.length}\r\n\r\n`;
  const begun = new Promise((resolve) => connection.write(head + body.slice(0, -1), resolve));
  const finish = async () => {
    connection.write(body.slice(-1));
    await within('the end of a slow POST', Promise.race([ended, answered]));
    connection.destroy();
    return said ? Number(said.split(' ')[1]) : 'cut';
  };
  return { begun, finish, abandon: () => connection.destroy() };
}
