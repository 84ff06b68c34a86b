// ICE servers from where a test says: a URL that answers with them, or the list itself as JSON.

import { expect } from './script.mjs';

/** The list of RTCIceServer dictionaries with the relay over one transport alone: `udp`, `tcp` or `tls`. */
export async function iceServersFrom(source, transport = 'udp') {
  const list = source.startsWith('[') ? JSON.parse(source) : (await fetched(source)).iceServers;
  const isWanted = (url) => transportOf(url) === transport;
  const servers = list.map((server) => ({ ...server, urls: [server.urls].flat().filter(isWanted) }));
  const relays = servers.filter((server) => server.urls.length > 0);
  expect(relays.length > 0, `a relay over ${transport} in ${JSON.stringify(list)}`);
  for (const relay of relays) expect(relay.username && relay.credential, 'credentials beside each relay');
  return relays;
}

async function fetched(url) {
  const response = await fetch(url);
  expect(response.status === 200, `200 from ${url}, not ${response.status}`);
  expect(response.headers.get('cache-control') === 'no-store', 'that credentials may not be cached');
  return response.json();
}

function transportOf(url) {
  if (url.startsWith('turns:')) return 'tls';
  if (!url.startsWith('turn:')) return undefined;
  return url.includes('transport=tcp') ? 'tcp' : 'udp';
}
