import assert from 'node:assert/strict';
import test from 'node:test';

import { explainIceError } from '../../check/ice-error.js';
import { gatheringVerdict } from '../../check/gathering-verdict.js';
import { explainErrors } from '../../check/verdict.js';
import { isPrivateAddress } from '../../check/candidate.js';
import { LINK_PLAN } from '../../check/link-test.js';
import { linkVerdict } from '../../check/link-verdict.js';

const TURN = 'turn:relay.example:3478?transport=udp';

/** @param {object} [with_] */
function candidate(with_ = {}) {
  return /** @type {any} */ ({ type: 'relay', address: '203.0.113.7', port: 49160, ms: 30, url: TURN, relayProtocol: 'udp', ...with_ });
}

/** @param {object} [with_] */
function error(with_ = {}) {
  return { ms: 9, code: 701, text: '', url: TURN, local: '', ...with_ };
}

/** @param {object} [with_] */
function gathered(with_ = {}) {
  return gatheringVerdict(/** @type {any} */ ({ policy: 'all', uris: [TURN], candidates: [candidate()], errors: [], ms: 90, complete: true, ...with_ }));
}

/** @param {object} [with_] */
function linked(with_ = {}) {
  const transfer = { bytes: 1, ms: 1, bitsPerSecond: 50e6, intact: true };
  const end = { type: 'relay', protocol: 'udp', relayProtocol: 'udp', address: '', port: 1, url: '' };
  return linkVerdict(/** @type {any} */ ({
    steps: [], failedStep: null, error: '', mend: '', uris: [TURN], relayed: [], iceErrors: [], aToB: transfer, bToA: transfer,
    roundTrips: { count: 20, medianMs: 12, minMs: 9, maxMs: 20 }, pair: { local: end, remote: end, rttMs: 12 }, ms: 1, ...with_,
  }));
}

test('a relay candidate and no error is a success', () => {
  const verdict = gathered();
  assert.equal(verdict.state, 'ok');
  assert.match(verdict.headline, /first candidate after 30 ms, all after 90 ms/);
  assert.deepEqual(verdict.findings, []);
});

test('refused credentials are told as such, once per server', () => {
  const verdict = gathered({ candidates: [], errors: [error({ code: 401 }), error({ code: 401 }), error({ code: 441 })] });
  assert.equal(verdict.state, 'failed');
  assert.equal(verdict.findings.length, 1);
  assert.match(verdict.findings[0].what, /relay\.example.*credential is wrong.*401/);
  assert.match(verdict.findings[0].mend, /shared secret/);
});

test('a TURN server that says nothing at all is a failure with a mend', () => {
  for (const complete of [true, false]) {
    const verdict = gathered({ candidates: [candidate({ type: 'host' })], complete });
    assert.equal(verdict.state, 'failed');
    assert.match(verdict.findings[0].mend, /firewall/);
  }
});

test('an error of a server that gave a relay all the same is no finding', () => {
  assert.equal(gathered({ errors: [error()] }).state, 'ok');
  assert.equal(gathered({ errors: [error({ url: 'turn:other.example' })] }).state, 'warning');
});

test('a server of the other address family is no finding', () => {
  const errors = [error({ url: 'turn:192.0.2.1:3478', local: '[2001:db8::x]:5000' }), error({ code: 440 })];
  assert.deepEqual(explainErrors(errors), []);
  assert.equal(explainErrors([error({ url: 'turn:192.0.2.1:3478', local: '198.51.100.x:5000' })]).length, 1);
});

test('a relay over TCP alone is a warning', () => {
  const verdict = gathered({ candidates: [candidate({ relayProtocol: 'tls' })] });
  assert.equal(verdict.state, 'warning');
  assert.match(verdict.findings[0].mend, /UDP/);
});

test('without TURN the verdict says what is missing', () => {
  assert.equal(gathered({ uris: ['stun:a.example'], candidates: [candidate({ type: 'srflx' })] }).state, 'warning');
  assert.equal(gathered({ uris: [], candidates: [] }).state, 'warning');
  assert.equal(gathered({ uris: ['stun:a.example'], candidates: [], policy: 'relay' }).state, 'failed');
});

test('a relayed address that only this machine or network reaches is noted, not blamed', () => {
  for (const [address, reach] of [['127.0.0.1', /this machine/], ['10.0.0.5', /own network/]]) {
    const verdict = gathered({ candidates: [candidate({ address })] });
    assert.equal(verdict.state, 'ok');
    assert.match(verdict.findings[0].what, /** @type {RegExp} */ (reach));
  }
});

test('private addresses are known in every range', () => {
  const inside = [
    '10.1.1.1', '127.0.0.1', '172.16.0.1', '172.31.9.9', '192.168.1.1', '169.254.1.1', '100.64.0.1', '100.127.0.1',
    '::1', 'fd00::1', 'fe80::1',
  ];
  const outside = ['11.1.1.1', '172.32.0.1', '172.15.0.1', '100.63.0.1', '100.128.0.1', '203.0.113.7', '2001:db8::1', '::2'];
  for (const address of inside) assert.ok(isPrivateAddress(address), address);
  for (const address of outside) assert.ok(!isPrivateAddress(address), address);
});

test('every code of an icecandidateerror has a cause and a mend', () => {
  for (const code of [300, 400, 401, 403, 437, 438, 441, 442, 486, 500, 508, 600, 700, 701, 999]) {
    const { cause, mend } = explainIceError(code);
    assert.ok(cause && mend, String(code));
  }
});

test('a link that works is told with its figures', () => {
  const verdict = linked();
  assert.equal(verdict.state, 'ok');
  assert.match(verdict.headline, /12 ms per round trip/);
});

test('a slow, distant or TCP link works with a warning', () => {
  const tcp = { local: { type: 'relay', relayProtocol: 'tcp' }, remote: { type: 'relay' } };
  for (const [with_, what] of [
    [{ bToA: { bitsPerSecond: 400_000 } }, /0\.40 Mbit/],
    [{ roundTrips: { medianMs: 450 } }, /450 ms/],
    [{ pair: tcp }, /over TCP/],
  ]) {
    const verdict = linked(/** @type {object} */ (with_));
    assert.equal(verdict.state, 'warning');
    assert.match(verdict.findings[0].what, /** @type {RegExp} */ (what));
  }
});

test('every step that may fail has a headline and a mend of its own', () => {
  const headlines = LINK_PLAN.map(({ id }) => {
    const verdict = linked({ failedStep: id, error: 'nothing came' });
    assert.equal(verdict.state, 'failed', id);
    assert.ok(verdict.findings.every(({ what, mend }) => what && mend), id);
    return verdict.headline;
  });
  assert.equal(new Set(headlines).size, LINK_PLAN.length);
});

test('a peer unknown to signaling points at instances that share nothing', () => {
  const verdict = linked({ failedStep: 'offer', error: 'Error: Agent check-1-b not found' });
  assert.match(verdict.findings[0].mend, /share a bus/);
});

test('no relay in the link test names the error of the server', () => {
  const verdict = linked({ failedStep: 'relay', error: 'no relay candidate came', iceErrors: [error({ code: 401 })] });
  assert.match(verdict.findings[0].what, /credential is wrong/);
  assert.match(linked({ failedStep: 'relay', error: 'x', uris: ['stun:a.example'] }).findings[0].what, /no TURN server/);
});

test('two private relayed addresses that do not meet point at the public address', () => {
  const verdict = linked({ failedStep: 'ice', error: 'no candidate pair answered', relayed: ['[fd00::1]:4', '203.0.113.7:9'] });
  assert.match(verdict.findings[0].mend, /external_ip/);
});
