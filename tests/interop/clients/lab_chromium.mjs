// A peer of the NAT lab: headless Chromium. What it is told and what it says: src/natlab/peer_program.rs.
//
// CHROMIUM names the browser (/usr/bin/chromium); the lab's certificate must be trusted in HOME/.pki/nssdb.

import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { runScript } from './script.mjs';

const LIMIT_MS = 120_000;
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** Answered here and by nobody else. */
const PAGE = 'http://peer.test/';

async function main({ 'ice-servers': iceServers, ...options }) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  const page = await browser.newPage();
  const call = await readFile(new URL('lab_call.mjs', import.meta.url), 'utf8');
  await page.route(PAGE, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.route(`${PAGE}lab_call.mjs`, (route) => route.fulfill({ contentType: 'text/javascript', body: call }));
  await page.exposeFunction('tell', (event) => console.log(JSON.stringify(event)));
  await page.goto(PAGE);
  await page.evaluate(async (told) => {
    const { labCall } = await import('/lab_call.mjs');
    labCall({ RTCPeerConnection, WebSocket }, told, window.tell);
  }, { ...options, iceServers: JSON.parse(iceServers) });
  return new Promise(() => {});
}

runScript(['signal', 'id', 'dial', 'ice-servers', 'policy'], main, LIMIT_MS);
