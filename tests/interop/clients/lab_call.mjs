// One side of a call through a JSON signaling server, in Node and in a browser alike.

const ECHO = 'are you there';
const SETTLED_MS = 3_000;
const POLL_MS = 20;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/**
 * Registers, and dials a peer if it is told one, or else waits for a call. `tell` hears what happens: `registered`;
 * `connected` with the time to open in ms and the candidates in use, first and last; `failed` with the reason.
 */
export function labCall({ RTCPeerConnection, WebSocket }, { signal, id, dial, iceServers, policy }, tell) {
  const socket = new WebSocket(signal);
  const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy });
  const early = [];
  let other = dial;
  let began = 0;

  const say = (type, word, value) => socket.send(JSON.stringify({ type, from: id, to: other, [word]: value }));
  // An agent's message, as our node takes and sends them; any other program reads its payload alone.
  let said = 0;
  const message = (payload) => {
    said += 1;
    const at = { id: `${id}-${said}`, timestamp: new Date().toISOString(), level: 1, source: id, destination: other };
    return JSON.stringify({ ...at, sequence_num: said, payload });
  };
  const fail = (why) => tell({ event: 'failed', why: String(why?.message ?? why) });

  connection.onicecandidate = ({ candidate }) => candidate?.candidate && say('ice-candidate', 'candidate', candidate);
  connection.oniceconnectionstatechange = () => connection.iceConnectionState === 'failed' && fail('ICE has failed');
  connection.onconnectionstatechange = () => connection.connectionState === 'failed' && fail('the connection has failed');
  socket.onerror = ({ message }) => fail(`no signaling at ${signal}: ${message}`);
  socket.onopen = () => socket.send(JSON.stringify({ type: 'register', agent_id: id }));
  socket.onmessage = ({ data }) => take(JSON.parse(data)).catch(fail);

  async function take(message) {
    switch (message.type) {
      case 'registered':
        tell({ event: 'registered' });
        if (dial) await offer();
        break;
      case 'offer':
        began = performance.now();
        other = message.from;
        connection.ondatachannel = ({ channel }) => use(channel);
        await describe(message.offer);
        await connection.setLocalDescription(await connection.createAnswer());
        say('answer', 'answer', connection.localDescription);
        break;
      case 'answer':
        await describe(message.answer);
        break;
      case 'ice-candidate':
        if (connection.remoteDescription) await connection.addIceCandidate(message.candidate);
        else early.push(message.candidate);
        break;
      case 'error':
        fail(message.message);
        break;
      default:
    }
  }

  async function offer() {
    began = performance.now();
    use(connection.createDataChannel('lab', { ordered: true }));
    await connection.setLocalDescription(await connection.createOffer());
    say('offer', 'offer', connection.localDescription);
  }

  async function describe(description) {
    await connection.setRemoteDescription(description);
    for (const candidate of early.splice(0)) await connection.addIceCandidate(candidate);
  }

  /** Each side sends a word and sends back the other's; whoever has its own back is connected. */
  function use(channel) {
    let openMs = 0;
    const opened = () => {
      openMs = Math.round(performance.now() - began);
      channel.send(message({ word: ECHO }));
    };
    channel.onmessage = ({ data }) => {
      const { word, echo } = JSON.parse(data).payload ?? {};
      if (word) channel.send(message({ echo: word }));
      if (echo === ECHO) connected(openMs).catch(fail);
    };
    if (channel.readyState === 'open') opened();
    else channel.onopen = opened;
  }

  /** ICE may begin with a relayed pair and go on to a better one: it is given time for that. */
  async function connected(ms) {
    const first = await selectedPair(connection);
    const settled = performance.now() + SETTLED_MS;
    let last = first;
    while (policy !== 'relay' && isRelayed(last) && performance.now() < settled) {
      await pause(POLL_MS);
      last = await selectedPair(connection);
    }
    tell({ event: 'connected', ms, first, last });
  }
}

function isRelayed({ local, remote }) {
  return local === 'relay' || remote === 'relay';
}

/** The kinds of the candidates in use, and the address of the other's. */
async function selectedPair(connection) {
  for (;;) {
    const stats = new Map([...(await connection.getStats()).values()].map((entry) => [entry.id, entry]));
    const transport = [...stats.values()].find((entry) => entry.type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    const [local, remote] = [stats.get(pair?.localCandidateId), stats.get(pair?.remoteCandidateId)];
    if (local && remote) {
      return { local: local.candidateType, remote: remote.candidateType, to: remote.address ?? remote.ip ?? null };
    }
    await pause(POLL_MS);
  }
}
