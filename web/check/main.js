/**
 * The connection check: the form, the two checks, their results.
 *
 * `window.sangamCheck` gives programs what the page shows to people; each
 * section's `data-state` says how far it is.
 */

import { byId } from './element.js';
import { candidateItem, candidateTiles, errorItem } from './candidate-view.js';
import { Card } from './card.js';
import { duration } from './duration.js';
import { gatherCandidates } from './gathering.js';
import { gatheringVerdict } from './gathering-verdict.js';
import { IceServersError } from './ice-servers.js';
import { linkVerdict } from './link-verdict.js';
import { SetupForm } from './setup-form.js';
import { signalingUrl } from './signaling.js';
import { StepView } from './step-view.js';
import { testLink, TRANSFER_BYTES } from './link-test.js';

/** @typedef {(cancel: AbortSignal) => Promise<void>} Check */

const setup = new SetupForm();
const gatheringCard = new Card('gathering');
const linkCard = new Card('link');
const stepView = new StepView(linkCard.part('steps'));
const runButtons = [gatheringCard, linkCard].map((card) => /** @type {HTMLButtonElement} */ (card.part('run')));

/** @type {AbortController | null} the run in progress */
let running = null;

/** @type {{ gathering: object | null, link: object | null, running: boolean, run: () => Promise<void>, cancel: () => void }} */
const results = { gathering: null, link: null, running: false, run: () => run([checkGathering, checkLink]), cancel };
Object.assign(window, { sangamCheck: results });

setup.form.addEventListener('submit', (event) => {
  event.preventDefault();
  void results.run();
});
byId('cancel').addEventListener('click', cancel);
gatheringCard.part('run').addEventListener('click', () => void run([checkGathering]));
linkCard.part('run').addEventListener('click', () => void run([checkLink]));
byId('copy').addEventListener('click', () => void copyReport());

/** @param {Check[]} checks one after another */
async function run(checks) {
  if (running) return;
  running = new AbortController();
  showRunning(true);
  try {
    for (const check of checks) await check(running.signal);
  } catch (error) {
    // Both are told where they happened, and leave nothing for the next check to do.
    if (!running.signal.aborted && !(error instanceof IceServersError)) throw error;
  } finally {
    running = null;
    showRunning(false);
    showReport();
  }
}

function cancel() {
  running?.abort(new Error('cancelled'));
}

/** @type {Check} */
async function checkGathering(cancelSignal) {
  begin(gatheringCard, 'Asking each server for an address…');
  results.gathering = null;
  const list = gatheringCard.part('candidates');
  const errors = gatheringCard.part('errors');
  list.replaceChildren();
  errors.replaceChildren();
  errors.hidden = true;
  /** @type {import('./gathering.js').Gathered[]} */
  const seen = [];
  try {
    const gathering = await gatherCandidates({
      iceServers: await setup.iceServers(cancelSignal),
      policy: setup.policy,
      cancel: cancelSignal,
      onCandidate: (candidate) => {
        seen.push(candidate);
        list.append(candidateItem(candidate));
        gatheringCard.figures(candidateTiles(seen));
      },
      onError: (error) => {
        errors.hidden = false;
        errors.append(errorItem(error));
      },
    });
    const verdict = gatheringVerdict(gathering);
    gatheringCard.figures([...candidateTiles(gathering.candidates), { name: 'All gathered', value: duration(gathering.ms) }]);
    gatheringCard.conclude(verdict);
    results.gathering = { ...gathering, verdict };
  } catch (error) {
    giveUp(gatheringCard, error, cancelSignal);
  }
}

/** @type {Check} */
async function checkLink(cancelSignal) {
  begin(linkCard, 'Connecting two peers, relay only…');
  results.link = null;
  stepView.clear();
  try {
    const link = await testLink({
      iceServers: (signal) => setup.iceServers(signal),
      signaling: signalingUrl(import.meta.url, setup.token),
      cancel: cancelSignal,
      onChange: (steps) => stepView.show(steps),
    });
    const verdict = linkVerdict(link);
    linkCard.figures(linkTiles(link));
    linkCard.conclude(verdict);
    results.link = { ...link, transferBytes: TRANSFER_BYTES, verdict };
  } catch (error) {
    giveUp(linkCard, error, cancelSignal);
  }
}

/**
 * @param {Card} card
 * @param {string} what
 */
function begin(card, what) {
  card.state = 'running';
  card.say(what);
  card.figures([]);
}

/**
 * @param {Card} card
 * @param {unknown} error
 * @param {AbortSignal} cancelSignal
 */
function giveUp(card, error, cancelSignal) {
  if (cancelSignal.aborted) {
    card.state = 'idle';
    card.say('Cancelled. Nothing was concluded.');
    throw error;
  }
  const what = error instanceof Error ? error.message : String(error);
  const known = error instanceof IceServersError;
  const mend = known ? error.mend : 'This browser may have WebRTC switched off, by a setting or an extension.';
  card.conclude({ state: 'failed', headline: 'The check could not run.', findings: [{ what, mend }] });
  if (known) throw error;
}

/**
 * @param {import('./link-test.js').LinkResult} link
 * @returns {import('./card.js').Tile[]}
 */
function linkTiles({ aToB, bToA, roundTrips, pair }) {
  /** @type {import('./card.js').Tile[]} */
  const tiles = [];
  if (aToB) tiles.push({ name: 'a to b', value: (aToB.bitsPerSecond / 1e6).toFixed(1), unit: 'Mbit/s' });
  if (bToA) tiles.push({ name: 'b to a', value: (bToA.bitsPerSecond / 1e6).toFixed(1), unit: 'Mbit/s' });
  if (roundTrips) tiles.push({ name: 'Round trip', value: duration(roundTrips.medianMs), unit: 'median' });
  if (pair) tiles.push({ name: 'Path', value: pair.local.type, unit: `over ${pair.local.relayProtocol ?? pair.local.protocol}` });
  return tiles;
}

/** @param {boolean} isRunning */
function showRunning(isRunning) {
  results.running = isRunning;
  setup.running = isRunning;
  for (const button of runButtons) button.disabled = isRunning;
}

function reportText() {
  const { gathering, link } = results;
  return JSON.stringify({ at: new Date().toISOString(), browser: navigator.userAgent, page: location.origin, gathering, link }, null, 2);
}

function showReport() {
  byId('report').hidden = !results.gathering && !results.link;
  byId('json').textContent = reportText();
  byId('copied').textContent = '';
}

async function copyReport() {
  const copied = byId('copied');
  try {
    await navigator.clipboard.writeText(byId('json').textContent ?? '');
    copied.textContent = 'Copied';
  } catch {
    // Without TLS, off this machine, browsers give pages no clipboard: select the text instead.
    const details = byId('report').querySelector('details');
    if (details) details.open = true;
    getSelection()?.selectAllChildren(byId('json'));
    copied.textContent = 'Selected: copy it with the keyboard';
  }
}
