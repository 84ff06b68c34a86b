// The session on a plain WebSocket with JSON (docs/protocols/signaling-json.md).

const WANT = ['room', 'resume', 'rollback', 'ice_servers'];
const AGAIN_MS = 200;

export class JsonWire {
  /** The name the server knows this page by. */
  connection = null;

  #asked;
  #hear;
  #socket = null;
  #isBack = false;
  /** Messages since the last `registered` that did not resume. */
  #received = 0;

  constructor(asked, hear) {
    this.#asked = asked;
    this.#hear = hear;
  }

  connect() {
    const url = new URL(`/r/${encodeURIComponent(this.#asked.room)}/ws`, this.#asked.server);
    url.protocol = 'ws:';
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      const { id, name } = this.#asked;
      const received = this.#isBack ? { received: this.#received } : {};
      this.#send({ type: 'register', agent_id: id, name, want: WANT, ...received });
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      if (this.connection) this.#hear({ what: 'lost' });
      this.connection = null;
      setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  signal(kind, to, payload) {
    const type = kind === 'candidate' ? 'ice-candidate' : kind;
    this.#send({ type, from: this.#asked.id, to, [kind]: payload });
  }

  tell(topic, value) {
    this.#send({ type: 'tell', topic, value: { [topic]: value } });
  }

  timer(order, seconds) {
    this.#send({ type: 'timer', order, seconds });
  }

  leave() {
    const socket = this.#socket;
    this.#socket = null;
    socket.close(1000);
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #take(message) {
    if (message.type !== 'registered') this.#received += 1;
    switch (message.type) {
      case 'registered': return this.#registered(message);
      case 'agent-joined': return this.#hear({ what: 'arrived', id: message.agent_id, name: message.name });
      case 'agent-left': return this.#hear({ what: 'left', id: message.agent_id });
      case 'offer': return this.#signal('offer', message);
      case 'answer': return this.#signal('answer', message);
      case 'ice-candidate': return this.#signal('candidate', message);
      case 'told': return this.#hear({ what: message.topic, value: message.value[message.topic] });
      case 'timer': return this.#hear({ what: 'timer', ...timer(message) });
      default: return this.#hear({ what: message.type, message: message.message });
    }
  }

  #signal(kind, message) {
    this.#hear({ what: 'signal', kind, from: message.from, payload: message[kind] });
  }

  #registered({ agent_id: id, connected_agents: others, room, iceServers, resumed }) {
    this.connection = id;
    if (resumed) {
      // What was missed follows, so the room is known without the snapshot.
      return this.#hear({ what: 'back', connection: id, recovered: true });
    }
    const isBack = this.#isBack;
    this.#isBack = true;
    this.#received = 0;
    this.#hear(isBack ? { what: 'back', connection: id, recovered: false }
      : { what: 'joined', connection: id, members: [...others, id], iceServers });
    if (room.verse !== null) this.#hear({ what: 'verse', value: room.verse.verse });
    if (room.queue !== null) this.#hear({ what: 'queue', value: room.queue.queue });
    if (room.timer !== null) this.#hear({ what: 'timer', ...timer(room.timer) });
    return undefined;
  }
}

function timer({ remaining, active, paused }) {
  return { remaining, active, paused };
}
