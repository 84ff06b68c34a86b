// A peer of the NAT lab: libwebrtc in Node. What it is told and what it says: src/natlab/peer_program.rs.

import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import { labCall } from './lab_call.mjs';
import { runScript } from './script.mjs';

const LIMIT_MS = 120_000;

runScript(['signal', 'id', 'dial', 'ice-servers', 'policy'], (options) => {
  const told = { ...options, iceServers: JSON.parse(options['ice-servers']) };
  const { RTCPeerConnection } = wrtc;
  labCall({ RTCPeerConnection, WebSocket }, told, (event) => console.log(JSON.stringify(event)));
  return new Promise(() => {});
}, LIMIT_MS);
