import assert from 'node:assert/strict';
import test from 'node:test';

import { decodePriority, describeRelated, isHiddenAddress, parseCandidate, socketAddress } from '../../check/candidate.js';

test('a relay candidate of a browser is read whole', () => {
  const line = 'candidate:842163049 1 udp 41885439 203.0.113.7 49160 typ relay raddr 198.51.100.2 rport 50000 generation 0 ufrag abcd network-cost 999';
  assert.deepEqual(parseCandidate(line), {
    foundation: '842163049', component: 1, protocol: 'udp', priority: 41885439, address: '203.0.113.7', port: 49160,
    type: 'relay', tcpType: null, relatedAddress: '198.51.100.2', relatedPort: 50000,
  });
});

test('the a= prefix and upper case of other libraries are read too', () => {
  const candidate = parseCandidate('a=candidate:1 1 UDP 2130706431 2001:db8::1 9 typ host');
  assert.equal(candidate?.protocol, 'udp');
  assert.equal(candidate?.address, '2001:db8::1');
  assert.equal(candidate?.relatedPort, null);
});

test('a TCP candidate keeps its tcptype', () => {
  assert.equal(parseCandidate('candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active')?.tcpType, 'active');
});

test('what is no candidate is refused, not guessed', () => {
  for (const line of [
    '', 'candidate:', 'end-of-candidates', 'candidate:1 1 udp 1 192.0.2.1 9 typ', 'candidate:1 1 udp 1 192.0.2.1 9 typ unknown',
    'candidate:1 1 sctp 1 192.0.2.1 9 typ host', 'candidate:1 x udp 1 192.0.2.1 9 typ host', 'candidate:1 1 udp 1 192.0.2.1 -9 typ host',
    'candidate:1 1 udp 1 192.0.2.1 9 kind host', 'candidate:1 1 udp 1 192.0.2.1 9 typ toString',
  ]) assert.equal(parseCandidate(line), null, line);
});

test('a priority comes apart as RFC 8445 §5.1.2.1 puts it together', () => {
  for (const parts of [{ type: 126, local: 65535, component: 1 }, { type: 0, local: 0, component: 256 }, { type: 100, local: 30, component: 2 }]) {
    assert.deepEqual(decodePriority(2 ** 24 * parts.type + 2 ** 8 * parts.local + (256 - parts.component)), parts);
  }
});

test('addresses are written as a person would', () => {
  assert.equal(socketAddress('192.0.2.1', 9), '192.0.2.1:9');
  assert.equal(socketAddress('2001:db8::1', 9), '[2001:db8::1]:9');
  assert.equal(socketAddress('peer.local', null), 'peer.local');
});

test('a base that the browser hides is called hidden', () => {
  const base = (/** @type {string} */ raddr) => {
    const candidate = parseCandidate(`candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr ${raddr} rport 7`);
    return candidate && describeRelated(candidate);
  };
  assert.equal(base('0.0.0.0'), 'base hidden by the browser');
  assert.equal(base('10.0.0.1'), 'base 10.0.0.1:7');
  assert.ok(isHiddenAddress('1f2e.local'));
  assert.ok(!isHiddenAddress('192.0.2.1'));
});
