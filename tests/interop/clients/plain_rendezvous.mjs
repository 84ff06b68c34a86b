// A rendezvous that only keeps what it is given, as the original one does: the control that shows what ours cures.
// Prints `{"port":…}` and serves until standard input ends.

import { createServer } from 'node:http';

const urls = new Set();
/** By receiver: a list of `{from_peer, type, payload}`; of one sender the last offer and the last answer. */
const boxes = new Map();
process.stdin.on('end', () => process.exit(0)).resume();

const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part;
  const { pathname } = new URL(request.url, 'http://rendezvous');
  const answer = respond(pathname, body && JSON.parse(body));
  response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
});

function respond(path, body) {
  switch (path) {
    case '/register':
      urls.add(body.url);
      return { message: `Peer ${body.url} registrato con successo.` };
    case '/get_peers':
      return [...urls];
    case '/signal/send':
      put(body);
      return { status: 'delivered' };
    default:
      return take(decodeURIComponent(path.replace('/signal/poll/', '')));
  }
}

function put({ from_peer, to_peer, type, payload }) {
  const replaces = (other) => type !== 'ice-candidate' && other.from_peer === from_peer && other.type === type;
  const kept = (boxes.get(to_peer) ?? []).filter((other) => !replaces(other));
  boxes.set(to_peer, [...kept, { from_peer, type, payload }]);
}

function take(id) {
  const box = boxes.get(id) ?? [];
  boxes.delete(id);
  const order = ['offer', 'answer', 'ice-candidate'];
  return box.sort((one, other) => order.indexOf(one.type) - order.indexOf(other.type));
}

server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
