// Two pages of one room, with an unchanged socket.io-client, over a server that is killed and comes back.
//
// --server  where Socket.IO is
//
// Says {"ready":true} when the server may be killed: one page has lost its transport by then, and the other has told the
// room something that it did not hear.

import { io } from 'socket.io-client';
import { expect, runScript, within } from './script.mjs';

const STEP_MS = 10_000;
// The newest hooks' settings: after five attempts a page gives up for ever.
const OPTIONS = { transports: ['websocket', 'polling'], timeout: 10_000, reconnectionAttempts: 5, reconnectionDelay: 1_000, reconnectionDelayMax: 5_000, forceNew: true };

runScript(['server'], async ({ server }) => {
  const a = await page(server, 'a');
  const b = await page(server, 'b');
  await tell(a, 'before');
  await heard(b, 'before');
  const ids = [a.socket.id, b.socket.id];

  b.socket.io.engine.close();
  await within(STEP_MS, 'the loss', b.disconnected);
  const [backA, backB] = [a, b].map((it) => new Promise((resolve) => it.socket.once('connect', () => resolve(Date.now()))));
  await tell(a, 'meanwhile');
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);

  const lostAt = await within(STEP_MS, 'the kill', a.disconnected);
  // What a page says without a transport it says later.
  a.socket.emit('change-verse', { sessionId: 's', verse: 'after' });
  const back = await within(30_000, 'both to come back', Promise.all([backA, backB]));
  expect(a.socket.recovered && b.socket.recovered, `both recovered, not ${a.socket.recovered} and ${b.socket.recovered}`);
  expect(a.socket.id === ids[0] && b.socket.id === ids[1], 'the same ids');
  await heard(b, 'meanwhile');
  await heard(b, 'after');
  await heard(a, 'after');
  const left = [...a.events, ...b.events].filter(([name]) => name === 'participant-left');
  expect(left.length === 0, `nobody told left, not ${JSON.stringify(left)}`);
  for (const it of [a, b]) {
    const verses = it.events.filter(([name]) => name === 'verse-changed').map(([, verse]) => verse.verse);
    expect(verses.join() === 'before,meanwhile,after', `each verse once, not ${verses}`);
  }
  const names = a.events.map(([name]) => name);
  return { recovered: true, backAfterMs: back.map((at) => at - lostAt), names };
});

/** A page in the room, which keeps what it hears. */
async function page(server, id) {
  const socket = io(server, OPTIONS);
  const events = [];
  socket.onAny((name, argument) => events.push([name, argument]));
  const disconnected = new Promise((resolve) => socket.once('disconnect', () => resolve(Date.now())));
  const joined = new Promise((resolve) => socket.once('session-joined', resolve));
  socket.emit('join-session', { sessionId: 's', participantId: id, participantName: id });
  await within(STEP_MS, `${id} to join`, joined);
  return { socket, events, disconnected };
}

async function tell(it, verse) {
  it.socket.emit('change-verse', { sessionId: 's', verse });
  await heard(it, verse);
}

async function heard(it, verse) {
  const has = () => it.events.some(([name, argument]) => name === 'verse-changed' && argument.verse === verse);
  await within(STEP_MS, `verse ${verse}`, new Promise((resolve) => {
    const look = () => (has() ? resolve() : setTimeout(look, 5));
    look();
  }));
}
