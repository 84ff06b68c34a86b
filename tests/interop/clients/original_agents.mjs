// Two original-style agents that link up, or do what kills one of them behind a server that relays blindly.
//
// --scenario     `plain`: one dials; `trickle-first`: its candidates overtake the offer; `glare`: both dial at once
// --signal       the signaling server
// --ice-servers  a URL or a JSON list

import { iceServersFrom } from './ice_servers.mjs';
import { OriginalAgent } from './original_agent.mjs';
import { expect, runScript, within } from './script.mjs';

const STEP_MS = 20_000;

const scenarios = {
  async plain(a, b) {
    await a.createOffer(b.id, null);
  },
  async 'trickle-first'(a, b) {
    // The log answers only after the first candidate is on its way.
    await a.createOffer(b.id, a.firstCandidateSent);
  },
  async glare(a, b) {
    // Both have their offer in hand before either lets go of it.
    let release;
    const together = new Promise((resolve) => {
      release = resolve;
    });
    const dialled = [a.createOffer(b.id, together), b.createOffer(a.id, together)];
    await Promise.all([a.described, b.described]);
    release();
    await Promise.all(dialled);
  },
};

runScript(['scenario', 'signal', 'ice-servers'], async (options) => {
  const scenario = scenarios[options.scenario];
  expect(scenario, `--scenario ${Object.keys(scenarios).join(' or ')}`);
  const how = { iceServers: await iceServersFrom(options['ice-servers']), policy: 'relay' };
  const [a, b] = [new OriginalAgent('agent-a', how), new OriginalAgent('agent-b', how)];
  await Promise.all([a.connectToSignaling(options.signal), b.connectToSignaling(options.signal)]);
  await within(STEP_MS, 'both to know of each other', bothKnown(a, b));

  const began = performance.now();
  await within(STEP_MS, 'the offers to leave', scenario(a, b));
  await within(STEP_MS, 'both ends to be linked', Promise.all([a.linked, b.linked]));
  const linkedMs = Math.round(performance.now() - began);
  a.sendText('from a');
  b.sendText('from b');
  const heard = await within(STEP_MS, 'a message each way', Promise.all([a.message, b.message]));
  expect(heard.join() === 'from b,from a', `both messages, not ${heard.join()}`);
  return { scenario: options.scenario, linkedMs };
});

/** The first hears `agent-joined` about the second, the second is told of the first in `registered`. */
async function bothKnown(a, b) {
  const registered = (agent) => agent.unknown.includes('registered');
  while (!registered(a) || !registered(b) || ![a, b].some((agent) => agent.unknown.includes('agent-joined'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
