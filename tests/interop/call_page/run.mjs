// Two tabs of headless Chromium in a session: they see each other through the relay alone, follow what the session is told,
// and each loses its network and comes back. A third comes late. Prints one line of JSON.
//
//     node run.mjs --page http://127.0.0.1:PORT --server HOST:PORT --first WIRE --second WIRE [--screenshot FILE]
//
// WIRE is `json`, `socketio:newest` or `socketio:documented`. CHROMIUM names the browser (/usr/bin/chromium).

import { chromium } from 'playwright-core';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { expect, runScript } from '../clients/script.mjs';
import { Network } from './network.mjs';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
];
const PATIENCE_MS = 30_000;
const POLLING_MS = 50;
/** More frames than those that were on their way. */
const FRAMES = 5;
const TIMER_SECS = 600;
const MISSED = [1, 2, 3, 4, 5];

function expectEqual(actual, expected, what) {
  expect(isDeepStrictEqual(actual, expected), `${what} to be ${JSON.stringify(expected)}, not ${JSON.stringify(actual)}`);
}

/** One tab: what it was told, and what it can be made to do. */
class Tab {
  static async open(browser, options, { id, wire: asked, media = 'yes' }) {
    const tab = new Tab();
    const [wire, dialect = ''] = asked.split(':');
    tab.id = id;
    tab.network = await Network.to(options.server);
    tab.page = await (await browser.newContext()).newPage();
    tab.page.setDefaultTimeout(PATIENCE_MS);
    tab.page.on('pageerror', (error) => console.error(`${id}: ${error.stack}`));
    const query = new URLSearchParams({ server: tab.network.url, room: 'hall', id, name: id.toUpperCase(), wire, dialect, media });
    await tab.page.goto(`${options.page}/?${query}`);
    await tab.until('to be in the session', () => window.page?.wire.connection && window.page.session.members.size > 0);
    return tab;
  }

  do(what, argument) {
    return this.page.evaluate(what, argument);
  }

  async until(what, condition, argument) {
    const since = performance.now();
    while (!(await this.do(condition, argument))) {
      if (performance.now() - since > PATIENCE_MS) {
        throw new Error(`${this.id} waited in vain ${what}: ${JSON.stringify(await this.heard())}`);
      }
      await setTimeout(POLLING_MS);
    }
  }

  /** What it was told, from the `mark`th on. */
  heard(mark = 0) {
    return this.do((from) => window.page.heard.slice(from), mark);
  }

  async mark() {
    return (await this.heard()).length;
  }

  connection() {
    return this.do(() => window.page.wire.connection);
  }

  call(id) {
    return this.do((other) => window.page.calls.state(other), id);
  }

  tell(topic, value) {
    return this.do(([to, what]) => window.page.wire.tell(to, what), [topic, value]);
  }

  timer(order, seconds) {
    return this.do(([what, secs]) => window.page.wire.timer(what, secs), [order, seconds]);
  }

  untilFollowed(topic, value) {
    const is = ([what, it]) => JSON.stringify(window.page.session[what]) === it;
    return this.until(`for ${topic}`, is, [topic, JSON.stringify(value)]);
  }

  /** Waits until a call is up and goes on. */
  async untilSeen(other, fragment = '') {
    const { framesDecoded } = (await this.call(other.id)) ?? { framesDecoded: 0 };
    await this.until(`for the video of ${other.id}`, async ([id, frames, before]) => {
      const call = await window.page.calls.state(id);
      const isUp = call?.connection === 'connected' && call.local && call.remote;
      return isUp && call.framesDecoded > frames && call.fragment !== before;
    }, [other.id, framesDecoded + FRAMES, fragment]);
  }

  async close() {
    this.network.close();
    await this.page.context().close();
  }
}

/** Waits until a call goes on at both ends, if `fragments` are given with other transport addresses than those. */
async function untilBothSee(a, b, fragments = []) {
  await Promise.all([a.untilSeen(b, fragments[0]), b.untilSeen(a, fragments[1])]);
}

async function callEachOther(a, b) {
  await untilBothSee(a, b);
  for (const [tab, other] of [[a, b], [b, a]]) {
    const { local, remote } = await tab.call(other.id);
    expectEqual([local.type, remote.type], ['relay', 'relay'], `the ends that ${tab.id} has selected`);
  }
}

async function follow(a, b) {
  const verse = { book: 'Gita', chapter: 2, verse: 47 };
  await a.tell('verse', verse);
  await b.untilFollowed('verse', verse);
  const queue = [b.id, a.id];
  await b.tell('queue', queue);
  await a.untilFollowed('queue', queue);
  await a.untilFollowed('verse', verse);
}

/** Both clocks are told the same, in the same order: started, running, paused, resumed. */
async function keepTime(a, b) {
  const both = (what, condition) => Promise.all([a, b].map((tab) => tab.until(what, condition)));
  await a.timer('start', TIMER_SECS);
  await both('for the clock to run', () => {
    const { timer } = window.page.session;
    return timer?.active && !timer.paused && timer.remaining < 600;
  });
  await b.timer('pause');
  await both('for the clock to stop', () => window.page.session.timer.paused);
  await a.timer('resume');
  await both('for the clock to go on', () => {
    const { timer } = window.page.session;
    const paused = window.page.heard.findLast((event) => event.what === 'timer' && event.paused);
    return !timer.paused && timer.remaining < paused.remaining;
  });
  const [one, other] = await Promise.all([a, b].map(async (tab) => (await tab.heard()).filter((event) => event.what === 'timer')));
  const length = Math.min(one.length, other.length);
  expectEqual(one.slice(0, length), other.slice(0, length), 'the clocks');
  expectEqual(one[0], { what: 'timer', remaining: TIMER_SECS, active: true, paused: false }, 'the start');
}

async function comeLate(browser, options, [a, b], wire) {
  const late = await Tab.open(browser, options, { id: 'late', wire, media: 'no' });
  for (const topic of ['verse', 'queue']) await late.untilFollowed(topic, await a.do((what) => window.page.session[what], topic));
  await late.until('for the clock', () => window.page.session.timer?.active && window.page.session.timer.remaining < 600);
  expectEqual(await late.do(() => [...window.page.session.members]), [a.id, b.id, late.id], 'who is there');
  await late.until('for both to call it', () => {
    const callers = window.page.heard.filter((event) => event.kind === 'offer').map((event) => event.from);
    return callers.includes('a') && callers.includes('b');
  });
  await late.do(() => window.page.wire.leave());
  for (const tab of [a, b]) await tab.until('for who came late to leave', () => !window.page.session.members.has('late'));
  await late.close();
}

/** `tab` loses its network while `other` goes on, and comes back. `manner`: a method of the network. */
async function lose(tab, other, manner) {
  const [identity, mark, otherMark] = [await tab.connection(), await tab.mark(), await other.mark()];
  const fragments = [(await tab.call(other.id)).fragment, (await other.call(tab.id)).fragment];
  tab.network[manner]();
  await tab.until('to lose its network', () => window.page.wire.connection === null);

  const name = (n) => `${manner} ${tab.id} ${n}`;
  for (const n of MISSED) {
    await other.tell('verse', name(n));
    await other.do(([to, note]) => window.page.wire.signal('candidate', to, { note }), [tab.id, name(n)]);
  }
  await other.tell('queue', [name('queue')]);
  await other.untilFollowed('queue', [name('queue')]);
  await untilBothSee(tab, other);
  await other.do((id) => window.page.calls.call(id, { iceRestart: true }), tab.id);
  tab.network.restore();

  await tab.until('to be back', (from) => window.page.heard.slice(from).some((event) => event.what === 'back'), mark);
  await tab.untilFollowed('queue', [name('queue')]);
  await untilBothSee(tab, other, fragments);

  const heard = await tab.heard(mark);
  const back = heard.filter((event) => event.what === 'back');
  expectEqual(back, [{ what: 'back', connection: identity, recovered: true }], 'the return');
  const missed = heard.map(({ what, value, payload }) => (what === 'verse' ? value : payload?.note)).filter(Boolean);
  expectEqual(missed, MISSED.flatMap((n) => [name(n), name(n)]), 'the verses and signals missed, by turns');
  expectEqual(heard.filter((event) => event.kind === 'offer').length, 1, 'the number of offers missed');
  const gone = (await other.heard(otherMark)).filter((event) => ['left', 'arrived', 'joined', 'lost'].includes(event.what));
  expectEqual(gone, [], `what ${other.id} heard of it`);
}

async function session(browser, options) {
  const a = await Tab.open(browser, options, { id: 'a', wire: options.first });
  const b = await Tab.open(browser, options, { id: 'b', wire: options.second });
  await callEachOther(a, b);
  await follow(a, b);
  await keepTime(a, b);
  if (options.screenshot) await b.page.screenshot({ path: options.screenshot, fullPage: true });
  await comeLate(browser, options, [a, b], options.first);
  for (const [tab, other] of [[b, a], [a, b]]) {
    for (const manner of ['cut', 'vanish']) await lose(tab, other, manner);
  }
  const faults = [...(await a.heard()), ...(await b.heard())].filter((event) => ['fault', 'error'].includes(event.what));
  expectEqual(faults, [], 'the faults');
  const calls = { a: await a.call(b.id), b: await b.call(a.id) };
  await a.close();
  await b.close();
  return { calls };
}

async function main(options) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  try {
    return await session(browser, options);
  } finally {
    await browser.close();
  }
}

runScript(['page', 'server', 'first', 'second', 'screenshot'], main, 120_000);
