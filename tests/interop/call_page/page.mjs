// A page in a session: a video call with everybody there, and the verse, the queue and the timer that all follow.
//
//     ?server=http://127.0.0.1:8080&room=r&id=a&name=A&wire=socketio|json&dialect=newest|documented&media=yes|no
//
// What it was told stands in `window.page.heard`, in order; what it can do are methods of `window.page`.

import { Calls } from './calls.mjs';
import { JsonWire } from './json_wire.mjs';
import { Session } from './session.mjs';
import { SocketIoWire } from './socketio_wire.mjs';

const asked = Object.fromEntries(new URLSearchParams(location.search));
const heard = [];
const Wire = asked.wire === 'json' ? JsonWire : SocketIoWire;
const wire = new Wire(asked, hear);
const session = new Session();
const calls = new Calls(wire, asked.media !== 'no', showVideo);

function hear(event) {
  heard.push(event);
  session.hear(event);
  calls.hear(event).catch((error) => heard.push({ what: 'fault', message: `${event.what}: ${error.message}` }));
  show(event);
}

function show(event) {
  const put = (id, text) => { document.getElementById(id).textContent = text; };
  put('me', `${asked.name} (${asked.wire}${asked.dialect ? `, ${asked.dialect}` : ''})`);
  if (event.what === 'joined' || event.what === 'back') put('line', `there as ${wire.connection}`);
  if (event.what === 'lost') put('line', 'lost, trying again');
  put('members', [...session.members].join(', '));
  put('verse', JSON.stringify(session.verse));
  put('queue', JSON.stringify(session.queue));
  const { timer } = session;
  if (timer) put('timer', `${timer.remaining} s${timer.paused ? ', paused' : ''}`);
}

function showVideo(who, stream) {
  const figure = document.createElement('figure');
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true });
  const caption = Object.assign(document.createElement('figcaption'), { textContent: who });
  video.srcObject = stream;
  figure.append(video, caption);
  document.getElementById('videos').append(figure);
}

window.page = { heard, wire, session, calls };
await calls.prepare(asked.server);
wire.connect();
