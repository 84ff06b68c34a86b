// Engine.IO: opening a session, and every way to be refused one.

import { ask, plainAnswer } from '../lib/http.mjs';
import { RawSocket, plainFrame } from '../lib/raw_socket.mjs';

export const sets = ['base', 'heartbeat', 'small-payload', 'other-path'];

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAA';

/** Refusals over HTTP: method and query; EIO is 4 unless told. */
const http = {
  'polling opens a session': ['GET', { transport: 'polling' }],
  'polling with unused members': ['GET', { transport: 'polling', t: 'abc', b64: '1', x: '' }],
  'polling with an empty sid': ['GET', { transport: 'polling', sid: '' }],
  'a transport nobody knows': ['GET', { transport: 'pigeon' }],
  'a transport named constructor': ['GET', { transport: 'constructor' }],
  'a transport named __proto__': ['GET', { transport: '__proto__' }],
  'no transport': ['GET', {}],
  'an empty transport': ['GET', { transport: '' }],
  'webtransport over HTTP': ['GET', { transport: 'webtransport' }],
  'websocket over HTTP': ['GET', { transport: 'websocket' }],
  'no EIO': ['GET', { transport: 'polling', EIO: null }],
  'EIO 3': ['GET', { transport: 'polling', EIO: '3' }],
  'EIO 5': ['GET', { transport: 'polling', EIO: '5' }],
  'EIO abc': ['GET', { transport: 'polling', EIO: 'abc' }],
  'no EIO and no transport': ['GET', { EIO: null }],
  'POST without a session': ['POST', { transport: 'polling' }],
  'PUT without a session': ['PUT', { transport: 'polling' }],
  'PATCH without a session': ['PATCH', { transport: 'polling' }],
  'DELETE without a session': ['DELETE', { transport: 'polling' }],
  'HEAD without a session': ['HEAD', { transport: 'polling' }],
  'OPTIONS without a session': ['OPTIONS', { transport: 'polling' }],
  'POST with EIO 3': ['POST', { transport: 'polling', EIO: '3' }],
  'GET of an unknown session': ['GET', { transport: 'polling', sid: UNKNOWN }],
  'POST to an unknown session': ['POST', { transport: 'polling', sid: UNKNOWN }],
  'OPTIONS of an unknown session': ['OPTIONS', { transport: 'polling', sid: UNKNOWN }],
  'a session named __proto__': ['GET', { transport: 'polling', sid: '__proto__' }],
  'a session named hasOwnProperty': ['GET', { transport: 'polling', sid: 'hasOwnProperty' }],
  'an unknown session on an unknown transport': ['GET', { transport: 'pigeon', sid: UNKNOWN }],
};

/** The same over WebSocket. */
const websocket = {
  'websocket with an unknown session': { sid: UNKNOWN },
  'websocket with a session named __proto__': { sid: '__proto__' },
  'websocket with a transport nobody knows': { transport: 'pigeon' },
  'websocket with no transport': { transport: null },
};

export const cases = {
  ...each(http, ([method, query]) => async (server) => plainAnswer(await ask(server.http(query), { method }))),
  ...each(websocket, (query) => async (server) => {
    const socket = await RawSocket.open(server, query);
    return socket.refused ? plainAnswer(socket.refused) : socket.untilClosed();
  }),

  // The reference answers these after the switch to WebSocket, in HTTP, which no client can read: only that it is no
  // session is compared.
  ...each({ 'websocket with EIO 3': { EIO: '3' }, 'websocket with no EIO': { EIO: null } }, (query) => async (server) => {
    const socket = await RawSocket.open(server, query);
    return { session: !socket.refused && (await socket.untilClosed()).seen.length > 0 };
  }),

  'websocket opens a session': async (server) => {
    const socket = await RawSocket.open(server);
    return [plainFrame(await socket.frame()), { extensions: socket.web.extensions, protocol: socket.web.protocol }];
  },

  'a WebSocket on the polling transport is closed': async (server) => {
    const socket = await RawSocket.open(server, { transport: 'polling' });
    return socket.refused ? plainAnswer(socket.refused) : socket.untilClosed();
  },

  'deflate is offered and not taken': async (server) => {
    const socket = await RawSocket.open(server, {}, { perMessageDeflate: true });
    return { extensions: socket.web.extensions };
  },

  'a subprotocol is offered and what is taken': async (server) => {
    const socket = await RawSocket.open(server, {}, { protocols: ['one', 'two'] });
    return socket.refused ? { refused: socket.refused } : { protocol: socket.web.protocol };
  },

  'two sessions have two ids': async (server) => {
    const ids = [await RawSocket.shaken(server), await RawSocket.shaken(server)].map(({ handshake }) => handshake.sid);
    return { differ: ids[0] !== ids[1], urlSafe: ids.every((id) => /^[A-Za-z0-9_-]+$/.test(id)), length: ids[0].length };
  },

  'the path without its last slash': async (server) => {
    const path = server.path.replace(/\/$/, '');
    const { status } = await ask(server.http({ transport: 'polling' }, path));
    return { status };
  },

  'more path after the path': async (server) => {
    return plainAnswer(await ask(server.http({ transport: 'polling' }, `${server.path}more/of/it`)));
  },
};

function each(table, make) {
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, make(row)]));
}
