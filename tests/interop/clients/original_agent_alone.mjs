// One original-style agent; its peer runs elsewhere. It prints a line of JSON for everything that happens to it, and runs
// until its standard input ends.
//
// --id           its own
// --signal       the signaling server
// --ice-servers  a JSON list
// --dial         the peer to dial, as soon as that is there
// --trickle      `first`: the first candidate leaves before the offer
// --late         the peer to send one more candidate, and then a text, once the channel is open

import { OriginalAgent } from './original_agent.mjs';
import { runScript } from './script.mjs';

const LATE = { candidate: 'candidate:9 1 udp 1 192.0.2.99 9 typ host', sdpMid: '0', sdpMLineIndex: 0 };

const tell = (what) => console.log(JSON.stringify(what));

runScript(['id', 'signal', 'ice-servers', 'dial', 'trickle', 'late'], async (options) => {
  const agent = new OriginalAgent(options.id, { iceServers: JSON.parse(options['ice-servers']), policy: 'relay' });
  await agent.connectToSignaling(options.signal);
  await until(() => agent.unknown.includes('registered'));
  tell({ registered: agent.id });
  if (options.dial) {
    await until(() => agent.unknown.includes('agent-joined'));
    await agent.createOffer(options.dial, options.trickle === 'first' ? agent.firstCandidateSent : null);
    tell({ sent: 'offer', to: options.dial });
  }
  await agent.linked;
  tell({ open: agent.channel.label });
  agent.sendText(`from ${agent.id}`);
  tell({ heard: await agent.message });
  if (options.late) {
    agent.sendCandidate(options.late, LATE);
    agent.sendText('after the candidate');
  }
  await new Promise(() => {});
});

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
