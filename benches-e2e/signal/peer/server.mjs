// Node's socket.io with the bench's application: what `cargo xtask bench signal` measures ours beside.
// Everything that no option changes is as the library has it.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { Server } from 'socket.io';

const names = ['ping-interval', 'ping-timeout', 'max-payload', 'connect-timeout', 'recovery'];
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const number = (name) => (values[name] === undefined ? undefined : Number(values[name]));

const options = {
  pingInterval: number('ping-interval'),
  pingTimeout: number('ping-timeout'),
  maxHttpBufferSize: number('max-payload'),
  connectTimeout: number('connect-timeout'),
};
for (const [name, value] of Object.entries(options)) {
  if (value === undefined) delete options[name];
}
if (number('recovery') > 0) {
  options.connectionStateRecovery = { maxDisconnectionDuration: number('recovery'), skipMiddlewares: true };
}

const web = createServer();
const io = new Server(web, options);

io.on('connection', (socket) => {
  socket.emit('auth', socket.handshake.auth);
  socket.on('join', (room, done) => {
    socket.join(room);
    done?.();
  });
  socket.on('message', (...args) => socket.emit('message-back', ...args));
  socket.on('say', (room, ...args) => io.to(room).emit('said', ...args));
});

// Whoever started us is gone.
process.stdin.on('end', () => process.exit(0)).resume();
web.listen(0, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${web.address().port}`));
