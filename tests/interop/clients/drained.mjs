// Many clients of every wire on a server that stops: each is told so.
//
// --http    the main listener
// --count   clients in all: a third speaks JSON, a third is socket.io-client, a third polls
//
// Says {"ready":true} when all are there and the server may stop.

import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { runScript, within } from './script.mjs';

const LIMIT_MS = 100_000;
// Openings at once: the kernel's queue of connections is short.
const AT_ONCE = 50;

runScript(['http', 'count'], async ({ http, count }) => {
  const each = Math.floor(Number(count) / 3);
  const ends = { json: [], socketio: [], polling: [] };
  const kinds = [
    (n) => agent(`ws://${http}/r/room${n % 50}/ws`, `agent${n}`, ends.json),
    (n) => page(`http://${http}`, ['websocket'], n, ends.socketio),
    (n) => page(`http://${http}`, ['polling'], n + each, ends.polling),
  ];
  const endings = [];
  for (const open of kinds) {
    for (let from = 0; from < each; from += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, each - from) }, (_, i) => open(from + i));
      endings.push(...(await within(LIMIT_MS, 'clients to be there', Promise.all(batch))).map((it) => it.ended));
    }
  }
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
  await within(LIMIT_MS, 'all to be told', Promise.all(endings));
  return Object.fromEntries(Object.entries(ends).map(([kind, list]) => [kind, tally(list)]));
}, 300_000);

/** An agent that is registered. */
function agent(url, id, ends) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const ended = new Promise((resolve) => socket.once('close', (code, reason) => resolve(ends.push(`${code} ${reason}`))));
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => socket.send(JSON.stringify({ type: 'register', agent_id: id })));
    socket.once('message', () => resolve({ ended }));
  });
}

/** A page in a room. */
function page(url, transports, n, ends) {
  const socket = io(url, { transports, forceNew: true, reconnection: false });
  const ended = new Promise((resolve) => socket.once('disconnect', (reason) => resolve(ends.push(reason))));
  return new Promise((resolve, reject) => {
    socket.once('connect_error', reject);
    socket.once('session-joined', () => resolve({ ended }));
    socket.emit('join-session', { sessionId: `room${n % 50}`, participantId: `page${n}` });
  });
}

function tally(list) {
  const counts = {};
  for (const end of list) counts[end] = (counts[end] ?? 0) + 1;
  return counts;
}
