// Drives the connection check of a running server in headless Chromium, as a person would: opens /check, presses the
// button, reads what the page shows.
//
//     SANGAM_URL=http://127.0.0.1:8080 node run.mjs [screenshot.png]
//
// CHROMIUM names the browser (/usr/bin/chromium), SANGAM_TOKEN a token if the server wants one, SANGAM_TRANSPORT (udp, tcp
// or tls) the only one the page is told of; a certificate for tls must be trusted in HOME/.pki/nssdb. Prints one JSON line.
// Exit 0: a relay candidate showed and a relay-only link passed 1 MiB both ways. 1: it did not. 2: could not run.

import { chromium } from 'playwright-core';
import { iceServersFrom } from '../clients/ice_servers.mjs';

const MIB = 1024 * 1024;
const LIMIT_MS = 120_000;
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** What the page shows to people, not only what it gives to programs. */
function readPage() {
  const text = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent.trim());
  const { gathering, link } = window.sangamCheck;
  return {
    states: { gathering: document.querySelector('#gathering').dataset.state, link: document.querySelector('#link').dataset.state },
    verdicts: text('[data-role="verdict"] .headline'),
    relays: text('.candidate[data-type="relay"] .address'),
    undone: text('.step:not([data-state="ok"]) .step-title'),
    gathering,
    link,
  };
}

/** Every expectation that the page does not meet, in words. */
function complaints({ states, relays, undone, link }, errors) {
  const expectations = [
    ['the gathering section says ok or warning', ['ok', 'warning'].includes(states.gathering)],
    ['a relay candidate is shown', relays.length > 0],
    ['the link section says ok or warning', ['ok', 'warning'].includes(states.link)],
    ['every step is done', link !== null && undone.length === 0],
    ['1 MiB went from a to b intact', link?.aToB?.bytes === MIB && link.aToB.intact === true],
    ['1 MiB went from b to a intact', link?.bToA?.bytes === MIB && link.bToA.intact === true],
    ['the local end is a relay', link?.pair?.local.type === 'relay'],
    ['the page raised no error', errors.length === 0],
  ];
  return expectations.filter(([, met]) => !met).map(([what]) => what);
}

/** Leaves nothing but the relay over one transport in what the server tells the page. */
async function allowOnly(transport, page) {
  await page.route((url) => url.pathname === '/ice-servers', async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    const iceServers = await iceServersFrom(JSON.stringify(answer.iceServers), transport);
    await route.fulfill({ response, json: { ...answer, iceServers } });
  });
}

async function check(page, base, screenshot) {
  if (process.env.SANGAM_TRANSPORT) await allowOnly(process.env.SANGAM_TRANSPORT, page);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(new URL('check', base).href);
  if (process.env.SANGAM_TOKEN) {
    await page.getByRole('button', { name: 'Use a token' }).click();
    await page.getByLabel('Token').fill(process.env.SANGAM_TOKEN);
  }
  await page.getByRole('button', { name: 'Run both checks' }).click();
  await page.waitForFunction(() => !window.sangamCheck.running, null, { timeout: LIMIT_MS });
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
  const seen = await page.evaluate(readPage);
  return { seen, errors, failed: complaints(seen, errors) };
}

function summary({ seen, errors, failed }) {
  const { link, gathering } = seen;
  return {
    ok: failed.length === 0,
    failed,
    errors,
    states: seen.states,
    verdicts: seen.verdicts,
    relays: seen.relays,
    gathering_ms: gathering && Math.round(gathering.ms),
    link_ms: link && Math.round(link.ms),
    failed_step: link?.failedStep ?? null,
    error: link?.error ?? '',
    a_to_b_bits_per_second: link?.aToB?.bitsPerSecond ?? null,
    b_to_a_bits_per_second: link?.bToA?.bitsPerSecond ?? null,
    round_trip_median_ms: link?.roundTrips?.medianMs ?? null,
    local: link?.pair?.local ?? null,
    remote: link?.pair?.remote ?? null,
  };
}

async function main() {
  const base = process.env.SANGAM_URL;
  if (!base) throw new Error('SANGAM_URL is not set: give the address of a running server, for example http://127.0.0.1:8080');
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  try {
    const outcome = summary(await check(await browser.newPage(), base, process.argv[2]));
    console.log(JSON.stringify(outcome));
    return outcome.ok ? 0 : 1;
  } finally {
    await browser.close();
  }
}

process.exitCode = await main().catch((error) => {
  console.log(JSON.stringify({ ok: false, failed: ['the test could run'], errors: [error.message] }));
  return 2;
});
