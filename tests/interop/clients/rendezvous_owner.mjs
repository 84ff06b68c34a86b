// Two machines, one of which wants the mail of the other: both on loopback, at addresses of their own.
//
// --http     the main listener, as `host:port` at 127.0.0.1

import { request } from 'node:http';
import { expect, runScript } from './script.mjs';

/** One request from an address, on a connection of its own. */
function ask(http, localAddress, method, path, body) {
  const [host, port] = http.split(':');
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, localAddress, method, path, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, body: JSON.parse(text) }));
    });
    asked.on('error', reject).end(body && JSON.stringify(body));
  });
}

runScript(['http'], async ({ http }) => {
  const owner = (...what) => ask(http, '127.0.0.1', ...what);
  const stranger = (...what) => ask(http, '127.0.0.2', ...what);
  const payload = { type: 'offer', sdp: 'v=0\r\na=end-of-candidates\r\n' };
  const send = (from, to) => ['POST', '/signal/send', { from_peer: from, to_peer: to, type: 'answer', payload }];

  expect((await owner(...send('OWNER=', 'nobody'))).status === 200, 'the owner to be known');
  const { status } = await stranger(...send('STRANGER=', 'OWNER='));
  expect(status === 200, `a stranger to be allowed to send under its own id, not ${status}`);
  const stolen = await stranger('GET', '/signal/poll/OWNER%3D');
  const forged = await stranger(...send('OWNER=', 'STRANGER='));
  const got = await owner('GET', '/signal/poll/OWNER%3D');
  return { stolen, forged: forged.status, got: got.body.map(({ from_peer: from }) => from) };
});
