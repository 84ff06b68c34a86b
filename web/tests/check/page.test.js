import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import test from 'node:test';

import { readMessage, signalingUrl } from '../../check/signaling.js';
import { selectedPair } from '../../check/selected-pair.js';

const folder = new URL('../../check/', import.meta.url);

test('every module is preloaded, so that the page loads in one round trip after its HTML', async () => {
  const html = await readFile(new URL('index.html', folder), 'utf8');
  const preloaded = [...html.matchAll(/modulepreload" href="([^"]+)"/g)].map(([, name]) => name).sort();
  const modules = (await readdir(folder)).filter((name) => name.endsWith('.js') && name !== 'main.js').sort();
  assert.deepEqual(preloaded, modules);
});

test('a strict content policy holds: nothing inline, nothing from elsewhere', async () => {
  const html = await readFile(new URL('index.html', folder), 'utf8');
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|(?:src|href)="(?:https?:)?\/\//);
});

test('signaling is found beside the page, with TLS where the page has it', () => {
  assert.equal(signalingUrl('https://a.example/check/signaling.js', '').href, 'wss://a.example/ws');
  assert.equal(signalingUrl('http://127.0.0.1:8080/edge/check/main.js', 'a b').href, 'ws://127.0.0.1:8080/edge/ws?token=a+b');
});

test('frames that are no messages are none', () => {
  assert.deepEqual(readMessage('{"type":"offer"}'), { type: 'offer' });
  for (const frame of ['', 'null', '7', '{}', '{"type":1}', 'Bye', new ArrayBuffer(2)]) assert.equal(readMessage(frame), null);
});

test('the selected pair is found by transport, or by nomination where the browser has no transport report', () => {
  const local = { id: 'L', type: 'local-candidate', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls', address: '203.0.113.7', port: 5 };
  const remote = { id: 'R', type: 'remote-candidate', candidateType: 'prflx', protocol: 'udp', ip: '203.0.113.8', port: 6 };
  const pair = { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', nominated: true, state: 'succeeded', currentRoundTripTime: 0.012 };
  const other = { ...pair, id: 'Q', nominated: false, remoteCandidateId: 'L' };
  for (const reports of [[other, pair, local, remote], [{ id: 'T', type: 'transport', selectedCandidatePairId: 'P' }, other, pair, local, remote]]) {
    const found = selectedPair(reports);
    assert.equal(found?.local.relayProtocol, 'tls');
    assert.equal(found?.remote.address, '203.0.113.8');
    assert.equal(found?.rttMs, 12);
  }
  assert.equal(selectedPair([local, remote]), null);
});
