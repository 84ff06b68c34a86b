// A page that speaks JSON signaling and the messages of agents, unsigned. It dials if it is told whom; else it answers.

export function ifPage({ signal, id, dial, iceServers, policy }, tell) {
  const socket = new WebSocket(signal);
  const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy });
  let other = dial;

  const say = (type, word, value) => socket.send(JSON.stringify({ type, from: id, to: other, [word]: value }));
  const fail = (error) => tell({ failed: String(error?.message ?? error) });

  connection.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return;
    tell({ candidate: candidate.candidate });
    say('ice-candidate', 'candidate', candidate);
  };
  connection.ondatachannel = ({ channel }) => use(channel);
  socket.onopen = () => socket.send(JSON.stringify({ type: 'register', agent_id: id }));
  socket.onerror = () => fail('no signaling');
  socket.onmessage = ({ data }) => take(JSON.parse(data)).catch(fail);

  async function take(message) {
    switch (message.type) {
      case 'registered':
        tell({ server: 'registered' });
        if (!dial) return;
        use(connection.createDataChannel('if-agent-messaging', { ordered: true }));
        await connection.setLocalDescription(await connection.createOffer());
        say('offer', 'offer', connection.localDescription);
        break;
      case 'offer':
        other = message.from;
        await connection.setRemoteDescription(message.offer);
        await connection.setLocalDescription(await connection.createAnswer());
        say('answer', 'answer', connection.localDescription);
        break;
      case 'answer':
        await connection.setRemoteDescription(message.answer);
        break;
      case 'ice-candidate':
        await connection.addIceCandidate(message.candidate);
        break;
      default:
    }
  }

  function use(channel) {
    const opened = () => {
      tell({ open: channel.label, with: other });
      channel.send(JSON.stringify({
        id: crypto.randomUUID?.() ?? `msg-${Date.now()}`, timestamp: new Date().toISOString(), level: 2, source: id,
        destination: other, version: '2.1', payload: { text: 'from a page' }, performative: 'inform', sequence_num: 1,
      }));
    };
    channel.onmessage = ({ data }) => {
      const { payload, source } = JSON.parse(data);
      tell({ heard: payload, from: source });
    };
    if (channel.readyState === 'open') opened();
    else channel.onopen = opened;
  }
}
