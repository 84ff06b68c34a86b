// Node's own Socket.IO server with the session events of Vrinda Sangha's front ends: who joins is announced, what is
// directed reaches the participant's sockets, what the session is told reaches everybody in it. `webrtc-signaling`,
// `change-verse` and `update-queue` of the newer front ends are served beside the documented events.
//
// Prints `{"port":…}` and serves until standard input ends.
//   --ping-interval, --ping-timeout ms   --recovery true   --origin URL   --secret TEXT: what `auth.token` must be
//   --lose N: every Nth directed message is dropped    --repeat N: every Nth comes twice
//   --transports polling,websocket                     --blind N: N instances that know nothing of each other take
//                                                       requests by turns, as behind a balancer that is not sticky

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';

const names = ['ping-interval', 'ping-timeout', 'recovery', 'origin', 'secret', 'lose', 'repeat', 'transports', 'blind'];
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
process.stdin.on('end', () => process.exit(0)).resume();

const options = {
  pingInterval: Number(values['ping-interval'] ?? 25_000),
  pingTimeout: Number(values['ping-timeout'] ?? 20_000),
  ...(values.recovery && { connectionStateRecovery: {} }),
  ...(values.origin && { cors: { origin: values.origin, credentials: true } }),
  ...(values.transports && { transports: values.transports.split(',') }),
};
const instances = Array.from({ length: Number(values.blind ?? 1) }, () => createServer());
for (const instance of instances) serve(new Server(instance, options));

let turn = 0;
const front = createServer();
for (const event of ['request', 'upgrade']) {
  front.on(event, (request, answer, ...rest) => {
    const isTaken = instances[turn++ % instances.length].emit(event, request, answer, ...rest);
    if (!isTaken) answer.destroy();
  });
}
front.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: front.address().port })));

function serve(server) {
  if (values.secret) {
    server.use((socket, next) => {
      next(socket.handshake.auth.token === values.secret ? undefined : new Error('not authorized'));
    });
  }
  server.of('/quiet');
  server.on('connection', (socket) => connected(server, socket));
}

function connected(server, socket) {
  // A socket whose state is recovered is in its rooms, with its data, and nobody is told.
  socket.on('join-session', ({ sessionId, participantId, participantName }) => {
    Object.assign(socket.data, { sessionId, participantId });
    socket.join([sessionId, privateRoom(sessionId, participantId)]);
    server.to(sessionId).emit('session-joined', { sessionId, participants: participants(server, sessionId) });
    socket.to(sessionId).emit('participant-joined', { sessionId, participantId, participantName });
  });
  socket.on('leave-session', () => leave(socket));
  socket.on('disconnecting', (reason) => {
    if (!values.recovery || reason === 'client namespace disconnect') leave(socket);
  });

  for (const name of ['webrtc-offer', 'webrtc-answer', 'webrtc-ice-candidate', 'webrtc-signaling']) {
    socket.on(name, (message) => direct(server, name, message));
  }
  tell(server, socket, 'verse-changed', ({ verse }) => ['verse-changed', { verse }]);
  tell(server, socket, 'change-verse', ({ verse }) => ['verse-changed', { verse }]);
  tell(server, socket, 'reading-queue-update', ({ queue }) => ['reading-queue-update', { queue }]);
  tell(server, socket, 'update-queue', ({ queue }) => ['queue-updated', { queue }]);
  tell(server, socket, 'start-session-timer', ({ duration }) => [
    'session-timer-update',
    { timeRemaining: duration, isActive: true, isPaused: false },
  ]);
  socket.on('echo', (...said) => said.pop()(...said));
  socket.on('ask', (said) => socket.emit('answer', said));
}

let directed = 0;
function direct(server, name, message) {
  directed += 1;
  const isEvery = (nth) => nth !== undefined && directed % Number(nth) === 0;
  if (isEvery(values.lose)) return;
  for (let times = isEvery(values.repeat) ? 2 : 1; times > 0; times -= 1) {
    server.to(privateRoom(message.sessionId, message.to)).emit(name, { ...message, timestamp: Date.now() });
  }
}

function tell(server, socket, name, say) {
  socket.on(name, (message) => {
    const [said, members] = say(message);
    server.to(message.sessionId).emit(said, { sessionId: message.sessionId, ...members, timestamp: Date.now() });
  });
}

function leave(socket) {
  const { sessionId, participantId } = socket.data;
  if (!sessionId) return;
  socket.leave(sessionId);
  socket.to(sessionId).emit('participant-left', { sessionId, participantId });
  socket.data = {};
}

function participants(server, sessionId) {
  const ids = [...(server.of('/').adapter.rooms.get(sessionId) ?? [])];
  return ids.map((id) => server.of('/').sockets.get(id)?.data.participantId).filter(Boolean);
}

function privateRoom(sessionId, participantId) {
  return JSON.stringify([sessionId, participantId]);
}
