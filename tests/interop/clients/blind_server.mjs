// A signaling server that relays blindly, as the original one does: the control that shows what ours cures.
// Prints `{"port":…}` and serves until standard input ends.

import { WebSocketServer } from 'ws';

const agents = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
process.stdin.on('end', () => process.exit(0)).resume();

server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.type === 'register') register(socket, message.agent_id);
    else agents.get(message.to)?.send(JSON.stringify(message));
  });
});

function register(socket, id) {
  const others = [...agents.keys()];
  socket.send(JSON.stringify({ type: 'registered', agent_id: id, connected_agents: others }));
  for (const other of agents.values()) other.send(JSON.stringify({ type: 'agent-joined', agent_id: id }));
  agents.set(id, socket);
}
