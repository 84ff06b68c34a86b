// One original-style agent that is told what to do in lines of JSON, and says what happens to it in lines of JSON. It runs until its
// standard input ends, or until something comes that an original does not survive.
//
// --id           its own
// --signal       the signaling server
// --stack        `wrtc` (libwebrtc) or `node-datachannel` (libdatachannel)
// --ice-servers  a JSON list
// --policy       all or relay
//
// {"dial": peer}; {"ping": number} is answered
// {"say": payload, "to": peer, "as": how}   how: `signed`; `unsigned`; `tampered`, a covered member changed after it was signed; `again`,
//                                           the last message once more

import { createInterface } from 'node:readline';
import { Voice, isSigned } from './if_message.mjs';
import { OriginalAgent } from './original_agent.mjs';
import { runScript } from './script.mjs';

const LIMIT_MS = 120_000;
const STACKS = {
  wrtc: async () => (await import('@roamhq/wrtc')).default.RTCPeerConnection,
  'node-datachannel': async () => (await import('node-datachannel/polyfill')).RTCPeerConnection,
};

const tell = (what) => console.log(JSON.stringify(what));

async function main({ id, signal, stack, 'ice-servers': iceServers, policy }) {
  const RTCPeerConnection = await STACKS[stack]();
  const agent = new OriginalAgent(id, { iceServers: JSON.parse(iceServers ?? '[]'), policy: policy ?? 'all', RTCPeerConnection });
  agent.onSaid = (message) => tell({ server: message.type, agent: message.agent_id });
  agent.onOpen = (peer, channel) => tell({ open: channel.label, with: peer });
  agent.onText = (data) => hear(data);
  const voice = new Voice(id);
  createInterface({ input: process.stdin }).on('line', (line) => obey(agent, voice, JSON.parse(line)));
  await agent.connectToSignaling(signal);
  return new Promise(() => {});
}

function hear(data) {
  // As the original: what is not JSON, or no object, is an error that nobody catches.
  const message = JSON.parse(data);
  if (typeof message.level !== 'number') return tell({ odd: message });
  return tell({ heard: message.payload, from: message.source, to: message.destination, signed: isSigned(message) });
}

let last;

async function obey(agent, voice, { dial, say, to, as, ping }) {
  if (ping) return tell({ pong: ping });
  if (dial) return agent.createOffer(dial, null);
  last = as === 'again' ? last : JSON.stringify(worded(voice, to, say, as));
  return agent.sendText(last);
}

function worded(voice, to, payload, as) {
  const message = voice.message(to, payload);
  if (as === 'unsigned') return message;
  const signed = voice.signed(message);
  return as === 'tampered' ? { ...signed, conversation_id: 'another' } : signed;
}

runScript(['id', 'signal', 'stack', 'ice-servers', 'policy'], main, LIMIT_MS);
