// Serves the page on an origin of its own. Prints `{"port":…}` and serves until standard input ends.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';

process.stdin.on('end', () => process.exit(0)).resume();

const TYPES = { '.html': 'text/html', '.mjs': 'text/javascript', '.js': 'text/javascript' };
const PAGE = ['index.html', 'page.mjs', 'calls.mjs', 'session.mjs', 'json_wire.mjs', 'socketio_wire.mjs'];
const CLIENT = '../node_modules/socket.io/client-dist/socket.io.esm.min.js';
const files = new Map([
  ...PAGE.map((name) => [`/${name}`, name]),
  ['/', 'index.html'],
  ['/socket.io.esm.min.js', CLIENT],
]);

const server = createServer(async (request, answer) => {
  const file = files.get(new URL(request.url, 'http://page').pathname);
  if (!file) return answer.writeHead(404).end();
  const content = await readFile(new URL(file, import.meta.url));
  return answer.writeHead(200, { 'content-type': TYPES[extname(file)], 'cache-control': 'no-store' }).end(content);
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
