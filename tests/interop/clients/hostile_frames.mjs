// Hostile frames beside two bystanders: after each, the bystanders still reach each other and have heard nothing else.
//
// --signal  the signaling server

import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { expect, runScript, within } from './script.mjs';
import { SignalingClient } from './signaling.mjs';

const STEP_MS = 10_000;
const FIN = 0x80;
const MASKED = 0x80;
const [CONTINUATION, TEXT, BINARY, PING] = [0x0, 0x1, 0x2, 0x9];

/** Messages that are valid frames. */
const messages = {
  'not JSON': 'hello {',
  'empty text': '',
  null: 'null',
  'a number': '1e999',
  'an array': '[{"type":"register","agent_id":"x"}]',
  'no type': '{}',
  'an unknown type': '{"type":"shutdown"}',
  'a type that is an object': '{"type":{"toString":"offer"}}',
  'keys of the prototype': '{"type":"register","__proto__":{"agent_id":"x"},"constructor":{"prototype":{}}}',
  'an id of 100,000 characters': JSON.stringify({ type: 'register', agent_id: 'x'.repeat(100_000) }),
  'an id with line breaks and a zero': JSON.stringify({ type: 'register', agent_id: 'a\r\nb\u0000' }),
  'lone surrogates': '{"type":"register","agent_id":"\\ud800"}',
  'one hundred thousand arrays, one in the other': '['.repeat(100_000),
  'fifty thousand keys': `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":0`).join()}}`,
  'an offer in the name of a bystander': '{"type":"offer","from":"bystander-a","to":"bystander-b","offer":"forged"}',
  'a candidate in the name of a bystander': '{"type":"ice-candidate","from":"bystander-a","to":"bystander-b","candidate":{}}',
  'an answer nobody asked for': '{"type":"answer","from":"x","to":"bystander-b","answer":"forged"}',
  'binary noise': randomBytes(10_000),
  'a message of 8 MiB': 'x'.repeat(8 * 1024 * 1024),
};

/** Bytes behind the upgrade that break RFC 6455. */
const brokenFrames = {
  'text that is not UTF-8': frame(FIN | TEXT, Buffer.from([0xc3, 0x28, 0xff])),
  'a frame without a mask': Buffer.from([FIN | TEXT, 2, 0x7b, 0x7d]),
  'reserved bits': frame(FIN | 0x70 | TEXT, Buffer.from('{}')),
  'a reserved opcode': frame(FIN | 0x3, Buffer.from('{}')),
  'a ping longer than 125 bytes': frame(FIN | PING, Buffer.alloc(126)),
  'a ping in fragments': frame(PING, Buffer.from('x')),
  'a continuation of nothing': frame(FIN | CONTINUATION, Buffer.from('{}')),
  'a message within a fragmented message': Buffer.concat([frame(TEXT, Buffer.from('{')), frame(FIN | TEXT, Buffer.from('{}'))]),
  'a length of 2^63 - 1': Buffer.concat([Buffer.from([FIN | BINARY, MASKED | 127, 0x7f]), Buffer.alloc(7, 0xff), Buffer.alloc(4)]),
  'ten thousand empty fragments': Buffer.concat([frame(TEXT, Buffer.alloc(0)), ...Array(10_000).fill(frame(CONTINUATION, Buffer.alloc(0)))]),
  'noise instead of frames': randomBytes(4096),
};

runScript(['signal'], async ({ signal }) => {
  const a = await SignalingClient.register(signal, 'bystander-a');
  const b = await SignalingClient.register(signal, 'bystander-b');
  await a.next('agent-joined');
  let round = 0;
  const undisturbed = async (what) => {
    round += 1;
    await meet(a, b, `round ${round}`);
    expect(a.isOpen && b.isOpen, `open bystanders after ${what}`);
    const heard = [...a.unread(), ...b.unread()].filter((message) => !isAboutOthers(message));
    expect(heard.length === 0, `silence after ${what}, not ${JSON.stringify(heard).slice(0, 300)}`);
  };

  await undisturbed('nothing');
  for (const [what, message] of Object.entries(messages)) {
    const hostile = await SignalingClient.open(signal);
    hostile.sendRaw(message);
    await undisturbed(what);
    hostile.close();
  }
  for (const [what, bytes] of Object.entries(brokenFrames)) {
    const socket = await upgraded(signal);
    socket.write(bytes);
    await undisturbed(what);
    socket.destroy();
  }
  await undisturbed('everything');
  return { messages: Object.keys(messages).length, brokenFrames: Object.keys(brokenFrames).length, rounds: round };
});

/** One bystander calls, the other answers. */
async function meet(a, b, what) {
  a.send({ type: 'offer', from: a.id, to: b.id, offer: what });
  const offer = await b.next('offer', STEP_MS);
  expect(offer.from === a.id && offer.offer === what, `the offer of ${what}, not ${JSON.stringify(offer)}`);
  b.send({ type: 'answer', from: b.id, to: a.id, answer: what });
  const answer = await a.next('answer', STEP_MS);
  expect(answer.from === b.id && answer.answer === what, `the answer of ${what}, not ${JSON.stringify(answer)}`);
}

/** A hostile socket may register under an id of its own; everybody is told of that. */
function isAboutOthers(message) {
  return ['agent-joined', 'agent-left'].includes(message.type) && !`${message.agent_id}`.startsWith('bystander');
}

/** A TCP stream on which the upgrade to WebSocket is done and no frame was sent. */
function upgraded(url) {
  const upgrade = request(url.replace(/^ws/, 'http'), {
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    },
  });
  const socket = new Promise((resolve, reject) => {
    upgrade.once('upgrade', (_, stream) => resolve(stream.on('error', () => {})));
    upgrade.once('response', (response) => reject(new Error(`no upgrade but ${response.statusCode}`)));
    upgrade.once('error', reject);
  });
  upgrade.end();
  return within(STEP_MS, 'the upgrade', socket);
}

/** One masked frame with a mask of zeros. */
function frame(first, payload) {
  const length = payload.length < 126 ? [MASKED | payload.length] : [MASKED | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(4), payload]);
}
