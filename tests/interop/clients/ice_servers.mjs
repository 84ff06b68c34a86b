// ICE servers from where a test says: a URL that answers with them, or the list itself as JSON.

import { expect } from './script.mjs';

/** The list of RTCIceServer dictionaries, TURN over UDP only. */
export async function iceServersFrom(source) {
  const list = source.startsWith('[') ? JSON.parse(source) : (await fetched(source)).iceServers;
  const servers = list.map((server) => ({ ...server, urls: [server.urls].flat().filter(isTurnOverUdp) }));
  const relays = servers.filter((server) => server.urls.length > 0);
  expect(relays.length > 0, `a turn: URL over UDP in ${JSON.stringify(list)}`);
  for (const relay of relays) expect(relay.username && relay.credential, 'credentials beside each turn: URL');
  return relays;
}

async function fetched(url) {
  const response = await fetch(url);
  expect(response.status === 200, `200 from ${url}, not ${response.status}`);
  expect(response.headers.get('cache-control') === 'no-store', 'that credentials may not be cached');
  return response.json();
}

function isTurnOverUdp(url) {
  return url.startsWith('turn:') && !url.includes('transport=tcp');
}
