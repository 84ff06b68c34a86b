// Headless Chromium with a page that links with a node (if_page.mjs). What happens to it is said in lines of JSON. Host candidates are
// hidden behind names below `.local`, as browsers do by themselves.
//
// --id           its own
// --signal       the signaling server
// --dial         whom to dial; left out, it waits for an offer
// --ice-servers  a JSON list
// --policy       all or relay
//
// CHROMIUM names the browser (/usr/bin/chromium).

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { runScript } from './script.mjs';

const LIMIT_MS = 120_000;
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** A page from elsewhere may not open sockets to this machine, so it is served here. */
async function served(files) {
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', url.endsWith('.mjs') ? 'text/javascript' : 'text/html');
    response.end(files[url] ?? '');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${server.address().port}/`;
}

async function main({ 'ice-servers': iceServers, ...options }) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  const page = await browser.newPage();
  const script = await readFile(new URL('if_page.mjs', import.meta.url), 'utf8');
  await page.exposeFunction('tell', (event) => console.log(JSON.stringify(event)));
  await page.goto(await served({ '/': '<!doctype html>', '/if_page.mjs': script }));
  await page.evaluate(async (told) => {
    const { ifPage } = await import('/if_page.mjs');
    ifPage(told, window.tell);
  }, { ...options, iceServers: JSON.parse(iceServers ?? '[]'), policy: options.policy ?? 'all' });
  return new Promise(() => {});
}

runScript(['id', 'signal', 'dial', 'ice-servers', 'policy'], main, LIMIT_MS);
