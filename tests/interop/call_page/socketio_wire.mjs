// The session on Socket.IO, in the words of the newest hooks or of the documented class
// (docs/protocols/signaling-socketio.md). A connection that is recovered does not join again: the hooks never do.

import { io } from '/socket.io.esm.min.js';

const NEWEST = {
  verse: 'change-verse', queue: 'update-queue', hearsQueue: 'queue-updated',
  signal: (kind) => ['webrtc-signaling', { type: kind === 'candidate' ? 'ice-candidate' : kind }],
  hears: { 'webrtc-signaling': ({ type }) => (type === 'ice-candidate' ? 'candidate' : type) },
};
const DOCUMENTED = {
  verse: 'verse-changed', queue: 'reading-queue-update', hearsQueue: 'reading-queue-update',
  signal: (kind) => [kind === 'candidate' ? 'webrtc-ice-candidate' : `webrtc-${kind}`, {}],
  hears: { 'webrtc-offer': () => 'offer', 'webrtc-answer': () => 'answer', 'webrtc-ice-candidate': () => 'candidate' },
};
const RECONNECTION = { reconnectionDelay: 200, reconnectionDelayMax: 400 };

export class SocketIoWire {
  /** The socket's id while it is connected. */
  connection = null;

  #asked;
  #hear;
  #words;
  #socket = null;
  #isIn = false;

  constructor(asked, hear) {
    this.#asked = asked;
    this.#hear = hear;
    this.#words = asked.dialect === 'documented' ? DOCUMENTED : NEWEST;
  }

  connect() {
    const socket = io(this.#asked.server, { transports: ['websocket'], forceNew: true, ...RECONNECTION });
    this.#socket = socket;
    socket.on('connect', () => {
      this.connection = socket.id;
      if (socket.recovered) this.#hear({ what: 'back', connection: socket.id, recovered: true });
      else this.#join();
    });
    socket.on('disconnect', () => {
      this.connection = null;
      this.#hear({ what: 'lost' });
    });
    this.#listen(socket);
  }

  #join() {
    const { room: sessionId, id: participantId, name: participantName, dialect } = this.#asked;
    const name = dialect === 'documented' ? {} : { participantName };
    this.#socket.emit('join-session', { sessionId, participantId, ...name });
  }

  #listen(socket) {
    const hear = this.#hear;
    socket.on('session-joined', ({ participants }) => this.#joined(participants));
    socket.on('participant-joined', ({ participantId: id, participantName: name }) => hear({ what: 'arrived', id, name }));
    socket.on('participant-left', ({ participantId: id }) => hear({ what: 'left', id }));
    socket.on('verse-changed', ({ verse }) => hear({ what: 'verse', value: verse }));
    socket.on(this.#words.hearsQueue, ({ queue }) => hear({ what: 'queue', value: queue }));
    socket.on('session-timer-update', ({ timeRemaining, isActive, isPaused }) => {
      hear({ what: 'timer', remaining: timeRemaining, active: isActive, paused: isPaused });
    });
    socket.on('session-ended', () => hear({ what: 'ended' }));
    socket.on('error', ({ message, code }) => hear({ what: 'error', message: `${message} (${code})` }));
    for (const [event, kindOf] of Object.entries(this.#words.hears)) {
      socket.on(event, (message) => {
        hear({ what: 'signal', kind: kindOf(message), from: message.from, payload: message.data });
      });
    }
  }

  /** The others hear `session-joined` of everybody who joins; it is news only the first time. */
  #joined(members) {
    if (this.#isIn) return;
    this.#isIn = true;
    this.#hear({ what: 'joined', connection: this.connection, members });
  }

  signal(kind, to, data) {
    const [event, more] = this.#words.signal(kind);
    this.#socket.emit(event, { ...more, sessionId: this.#asked.room, from: this.#asked.id, to, data });
  }

  tell(topic, value) {
    this.#socket.emit(this.#words[topic], { sessionId: this.#asked.room, [topic]: value });
  }

  timer(order, duration) {
    this.#socket.emit(`${order}-session-timer`, { sessionId: this.#asked.room, duration });
  }

  leave() {
    this.#socket.disconnect();
  }
}
