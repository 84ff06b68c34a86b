import assert from 'node:assert/strict';
import test from 'node:test';

import { allUris, readIceServers, refusal, typedIceServers } from '../../check/ice-servers.js';
import { parseIceUri } from '../../check/ice-uri.js';

const user = { username: 'u', credential: 'c' };

/**
 * @param {string} uri
 * @param {RegExp} advice
 */
function refuses(uri, advice) {
  assert.throws(() => parseIceUri(uri), { message: advice }, uri);
}

test('URIs are read with the defaults of RFC 7064 and RFC 7065', () => {
  assert.deepEqual(parseIceUri('stun:a.example'), { scheme: 'stun', host: 'a.example', port: 3478, transport: 'udp' });
  assert.deepEqual(parseIceUri(' turn:192.0.2.1:80?transport=TCP '), { scheme: 'turn', host: '192.0.2.1', port: 80, transport: 'tcp' });
  assert.deepEqual(parseIceUri('TURNS:[2001:db8::1]'), { scheme: 'turns', host: '[2001:db8::1]', port: 5349, transport: 'tcp' });
});

test('a wrong URI is answered with its mend', () => {
  refuses('', /Type a URI/);
  refuses('turn://a.example', /Write turn:a\.example/);
  refuses('https://a.example', /web address/);
  refuses('a.example:3478', /turn:a\.example:3478/);
  refuses('turn:a.example:70000', /Port 70000/);
  refuses('turn:a.example:0', /Port 0/);
  refuses('turn:a.example?transport=tls', /turns:/);
  refuses('stun:a.example?transport=udp', /remove it/);
  refuses('turn:user@a.example', /not of the form/);
  refuses('turn:a b', /not of the form/);
});

test('typed rows become ICE servers, empty rows are passed over', () => {
  const rows = [{ uri: ' stun:a.example ', username: '', credential: '' }, { uri: '', username: '', credential: '' }, { uri: 'turn:b.example', ...user }];
  assert.deepEqual(typedIceServers(rows), [{ urls: 'stun:a.example' }, { urls: 'turn:b.example', ...user }]);
});

test('an error names the row at fault', () => {
  const good = { uri: 'stun:a.example', username: '', credential: '' };
  assert.throws(() => typedIceServers([good, { ...good, uri: 'turn:b.example' }]), { row: 1, message: /no username/ });
  assert.throws(() => typedIceServers([good, { uri: '', ...user }]), { row: 1, mend: /Type a URI/ });
  assert.throws(() => typedIceServers([]), { row: 0 });
});

test('a list is read, anything else in its place is refused', () => {
  const servers = [{ urls: ['stun:a.example', 'stun:b.example'] }, { urls: 'turn:c.example', ...user }];
  assert.deepEqual(allUris(readIceServers({ iceServers: servers, ttl: 60 })), ['stun:a.example', 'stun:b.example', 'turn:c.example']);
  for (const answer of [null, {}, [], 'x', { iceServers: {} }, { iceServers: [null] }, { iceServers: [{ urls: [1] }] }]) {
    assert.throws(() => readIceServers(answer), { mend: /proxy/ }, JSON.stringify(answer));
  }
});

test('only a refusal that a token cures asks for one', () => {
  const answer = (/** @type {number} */ status, headers = {}) => ({ status, headers: new Headers(headers) });
  assert.equal(refusal(answer(401), null, false).needsToken, true);
  assert.match(refusal(answer(401), null, true).message, /refuses the token/);
  assert.equal(refusal(answer(403), { code: 'origin_not_allowed' }, false).needsToken, false);
  assert.match(refusal(answer(503), { code: 'no_ice_servers' }, false).mend, /relay role/);
  assert.match(refusal(answer(429, { 'retry-after': '7' }), null, false).mend, /7 s/);
  assert.match(refusal(answer(502), null, false).message, /502/);
});
