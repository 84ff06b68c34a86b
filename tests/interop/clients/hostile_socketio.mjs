// Hostile Socket.IO packets and requests beside two bystanders: after each, the bystanders still reach each other and have
// heard nothing else.
//
// --http  the main listener

import { request } from 'node:http';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { expect, runScript, within } from './script.mjs';

const STEP_MS = 10_000;
// Whoever sends ten thousand events is read more slowly.
const ANSWER_MS = 60_000;

const event = (name, argument) => `42${JSON.stringify([name, argument])}`;
const offer = (argument) => event('webrtc-offer', { sessionId: 's', ...argument });

/** Frames after CONNECT: text, or a list of frames. */
const frames = {
  'null for everything': ['join-session', 'leave-session', 'webrtc-offer', 'webrtc-signaling', 'verse-changed', 'start-session-timer', 'session-ended', 'test-message', 'get-queue'].map((name) => event(name, null)),
  'lists and numbers for everything': ['join-session', 'webrtc-offer', 'test-message', 'parser-log', 'update-queue'].flatMap((name) => [event(name, []), event(name, [[]]), event(name, 7), event(name, 'x'), event(name, true)]),
  'objects for ids': [event('join-session', { sessionId: {}, participantId: [] }), event('join-session', { sessionId: 's'.repeat(1000), participantId: 'a\u0000b' })],
  'forged senders': [offer({ from: 'bystander-a', to: 'bystander-b', data: 'forged' }), event('leave-session', { sessionId: 's', participantId: 'bystander-a' }), event('session-ended', { sessionId: 's' }), event('start-session-timer', { sessionId: 's', duration: 60 }), event('verse-changed', { sessionId: 's', verse: 'forged' })],
  'a participant of somebody here, elsewhere': [event('join-session', { sessionId: 'elsewhere', participantId: 'bystander-a' }), event('webrtc-offer', { sessionId: 'elsewhere', to: 'bystander-b', data: {} })],
  'ten thousand candidates to nobody': Array.from({ length: 10_000 }, (_, i) => event('webrtc-ice-candidate', { sessionId: 's', to: 'nobody', data: { candidate: `${i}` } })),
  'ten thousand candidates in a room of its own': [event('join-session', { sessionId: 'own', participantId: 'x' }), ...Array.from({ length: 10_000 }, (_, i) => event('webrtc-ice-candidate', { sessionId: 'own', to: 'y', data: { candidate: `${i}` } }))],
  'a message of 2 MB': `42["x","${'x'.repeat(2_000_000)}"]`,
  // The parsers' CVEs: attachments without end, placeholders that lie, keys of the prototype.
  'more attachments than there are': '45999999999-["x",{"_placeholder":true,"num":0}]',
  'attachments without a number': ['45-["x"]'],
  'attachments of no number': '45e1-["x",{"_placeholder":true,"num":0}]',
  'attachments that are no number at all': '451.5-["x"]',
  'a placeholder that names no attachment': ['451-["x",{"_placeholder":true,"num":7}]', Buffer.from('x')],
  'a placeholder with a negative number': ['451-["x",{"_placeholder":true,"num":-1}]', Buffer.from('x')],
  'a placeholder with the name of a method': ['451-["x",{"_placeholder":true,"num":"splice"}]', Buffer.from('x')],
  'a placeholder in the prototype': ['451-["x",{"__proto__":{"_placeholder":true,"num":0}}]', Buffer.from('x')],
  'text where an attachment should be': ['451-["x",{"_placeholder":true,"num":0}]', '42["x"]'],
  'an attachment nobody announced': Buffer.from('x'),
  'keys of the prototype': [event('join-session', JSON.parse('{"__proto__":{"sessionId":"s","participantId":"bystander-a"},"constructor":{"prototype":{}}}')), '42["__proto__",{}]', '42["constructor",{}]', '42["toString",{}]'],
  'names that are not for clients': ['42["connect"]'],
  'a name that is an object': '42[{"toString":1},{}]',
  'half a list': '42["a"',
  'an object for a list': '42{}',
  'no packet': '9',
  'a type that is none': '49',
  'an answer to no question': ['43', '4399[]'],
  'a namespace of 100 kB': `40/${'x'.repeat(100_000)},`,
  'CONNECT again and again': Array(1_000).fill('40'),
  'fifty thousand lists, one in the other': `42["verse-changed",${'['.repeat(50_000)}${']'.repeat(50_000)}]`,
  'fifty thousand members': event('verse-changed', Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, 0]))),
  'pings and pongs of a stranger': ['2', '3', '2probe', '5', '6'],
  'lone surrogates': '42["join-session",{"sessionId":"\\ud800","participantId":"\\udfff"}]',
};

/** Requests: method, path, body, headers. */
const requests = {
  'no version': ['GET', '/socket.io/?transport=polling'],
  'an old version': ['GET', '/socket.io/?EIO=3&transport=polling'],
  'a transport of its own': ['GET', '/socket.io/?EIO=4&transport=carrier-pigeon'],
  'a session of nobody': ['POST', '/socket.io/?EIO=4&transport=polling&sid=x', '40'],
  'a body without a session': ['POST', '/socket.io/?EIO=4&transport=polling', '40'],
  'a body of 2 MB for nobody': ['POST', '/socket.io/?EIO=4&transport=polling&sid=x', 'x'.repeat(2_000_000)],
  'no JSON to the rendezvous': ['POST', '/register', 'hello {'],
  'null to the rendezvous': ['POST', '/signal/send', 'null'],
  'a list to the rendezvous': ['POST', '/signal/send', '[]'],
  '2 MB to the rendezvous': ['POST', '/signal/send', `{"x":"${'x'.repeat(2_000_000)}"}`],
  'deep JSON to the rendezvous': ['POST', '/register', '['.repeat(100_000)],
  'zeros to the rendezvous': ['POST', '/register', Buffer.alloc(10_000)],
  'a limit that is none': ['GET', '/get_peers?limit=x'],
  'a poll of an impossible node': ['GET', '/signal/poll/%00'],
  'a room that cannot be': ['GET', `/r/${'x'.repeat(500)}/get_peers`],
  'a method that is none': ['PATCH', '/signal/send', '{}'],
};

runScript(['http'], async ({ http }) => {
  const a = await bystander(http, 'bystander-a');
  const b = await bystander(http, 'bystander-b');
  let rounds = 0;
  const undisturbed = async (what) => {
    rounds += 1;
    await hears('webrtc-offer', a, b, rounds, what);
    await hears('webrtc-answer', b, a, rounds, what);
    for (const it of [a, b]) {
      const heard = it.events.splice(0).filter(([name]) => !['session-joined', 'participant-joined'].includes(name));
      expect(heard.length === 0, `silence after ${what}, not ${JSON.stringify(heard).slice(0, 300)}`);
    }
  };
  await undisturbed('nothing');
  const closed = [];
  for (const [what, list] of Object.entries(frames)) {
    const hostile = await entered(http);
    for (const frame of [list].flat()) hostile.send(frame, () => {});
    await undisturbed(what);
    // Whoever is still there is asked something behind all that.
    if (!(await answers(hostile, what))) closed.push(what);
    hostile.terminate();
  }
  const statuses = {};
  for (const [what, [method, path, body]] of Object.entries(requests)) {
    statuses[what] = await status(http, method, path, body);
    await undisturbed(what);
  }
  const kind = (it) => it >= 400 && it < 500;
  const odd = Object.entries(statuses).filter(([, it]) => !kind(it) && it !== 0);
  expect(odd.length === 0, `refusals, not ${JSON.stringify(odd)}`);
  return { rounds, frames: Object.keys(frames).length, requests: Object.keys(requests).length, closed, statuses };
}, 140_000);

/** A page in the room `s`. */
async function bystander(http, id) {
  const socket = io(`http://${http}`, { transports: ['websocket'], forceNew: true, reconnection: false });
  const events = [];
  const joined = new Promise((resolve) => socket.once('session-joined', resolve));
  socket.emit('join-session', { sessionId: 's', participantId: id });
  await within(STEP_MS, `${id} to join`, joined);
  socket.onAny((name, argument) => events.push([name, argument]));
  return { id, socket, events };
}

/** One bystander signals to the other. */
async function hears(signal, from, to, round, what) {
  from.socket.emit(signal, { sessionId: 's', to: to.id, data: { round, from: from.id } });
  await within(STEP_MS, `${to.id} to hear after ${what}`, new Promise((resolve) => {
    const look = () => {
      const at = to.events.findIndex(([name, it]) => name === signal && it.data?.round === round && it.from === from.id);
      if (at < 0) return setTimeout(look, 2);
      to.events.splice(at, 1);
      return resolve();
    };
    look();
  }));
}

/** A WebSocket in the namespace `/`. */
function entered(http) {
  const socket = new WebSocket(`ws://${http}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false, maxPayload: 0 });
  socket.on('error', () => {});
  return within(STEP_MS, 'a session', new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('closed before CONNECT')));
    socket.on('message', function hear(data) {
      if (`${data}`.startsWith('0{')) socket.send('40');
      if (`${data}`.startsWith('40')) {
        socket.off('message', hear);
        resolve(socket);
      }
    });
  }));
}

/** Whether a session still answers a question, or has been closed. */
function answers(socket, what) {
  return within(ANSWER_MS, `an answer or the end after ${what}`, new Promise((resolve) => {
    if (socket.readyState !== WebSocket.OPEN) return resolve(false);
    socket.once('close', () => resolve(false));
    socket.on('message', (data) => {
      if (`${data}`.includes('Failed to get reading queue')) resolve(true);
    });
    socket.send(event('get-queue', null), () => {});
    return undefined;
  }));
}

/** The status of an answer; 0 if the connection was cut. */
function status(http, method, path, body = '') {
  const [host, port] = http.split(':');
  return within(STEP_MS, `an answer to ${path}`, new Promise((resolve) => {
    const asked = request({ host, port, method, path, headers: { 'content-length': Buffer.byteLength(body) }, agent: false });
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', () => resolve(0));
    asked.end(body);
  }));
}
