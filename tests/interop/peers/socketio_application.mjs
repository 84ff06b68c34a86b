// The reference application: what both servers under comparison answer. An event with an argument of another type than
// it needs, or without the acknowledgement it needs, is ignored.

/** Puts the application on a socket.io server. */
export function serve(io) {
  const guarded = io.of('/guarded');
  guarded.use((socket, next) => {
    next(socket.handshake.auth?.token === 'let-me-in' ? undefined : new Error('not allowed'));
  });
  for (const namespace of [io.of('/'), io.of('/custom'), io.of(/^\/dyn-\d+$/), guarded]) {
    namespace.on('connection', (socket) => {
      socket.emit('auth', socket.handshake.auth);
      answerMessages(socket);
      keepRooms(socket);
      speakToRooms(socket);
      askQuestions(socket);
      endIt(socket);
    });
  }
}

/** Calls `handler` for `event` if the leading arguments are of these types (as `typeof` names them). */
function on(socket, event, types, handler) {
  socket.on(event, (...args) => {
    if (types.every((type, index) => typeof args[index] === type)) handler(...args);
  });
}

function answerMessages(socket) {
  socket.on('message', (...args) => {
    // An acknowledgement that was asked for is neither given nor passed on.
    if (typeof args.at(-1) === 'function') args.pop();
    socket.emit('message-back', ...args);
  });
  socket.on('message-with-ack', (...args) => {
    if (typeof args.at(-1) === 'function') args.pop()(...args);
  });
  on(socket, 'recovered', ['function'], (ack) => ack(socket.recovered));
}

function keepRooms(socket) {
  on(socket, 'join', ['string', 'function'], (room, ack) => {
    socket.join(room);
    ack();
  });
  on(socket, 'leave', ['string', 'function'], (room, ack) => {
    socket.leave(room);
    ack();
  });
  on(socket, 'rooms', ['function'], (ack) => ack([...socket.rooms].filter((room) => room !== socket.id).sort()));
}

function speakToRooms(socket) {
  const { nsp } = socket;
  on(socket, 'say', ['string'], (room, ...args) => nsp.to(room).emit('said', ...args));
  on(socket, 'say-others', ['string'], (room, ...args) => socket.to(room).emit('said', ...args));
  on(socket, 'say-except', ['string', 'string'], (room, except, ...args) => {
    nsp.to(room).except(except).emit('said', ...args);
  });
  on(socket, 'maybe', ['string'], (room, ...args) => nsp.to(room).volatile.emit('maybe', ...args));
}

function askQuestions(socket) {
  on(socket, 'ask-me', ['number'], (ms, ...args) => {
    socket.timeout(ms).emit('question', ...args, (error, ...answer) => {
      if (error) socket.emit('unanswered');
      else socket.emit('answered', ...answer);
    });
  });
  on(socket, 'ask-room', ['string', 'number'], (room, ms, ...args) => {
    const text = (answer) => JSON.stringify(answer) ?? '';
    socket.nsp.to(room).timeout(ms).emit('question', ...args, (error, answers) => {
      const sorted = [...answers].sort((a, b) => (text(a) < text(b) ? -1 : 1));
      socket.emit('room-answers', Boolean(error), sorted);
    });
  });
}

function endIt(socket) {
  socket.on('kick-me', () => socket.disconnect());
  socket.on('kick-me-hard', () => socket.disconnect(true));
}
