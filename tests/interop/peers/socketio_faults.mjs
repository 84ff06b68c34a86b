// Ways to spoil the reference server: the suite is worth something only if it catches each of them.

const faults = {
  /** The first ping goes out with the handshake instead of after pingInterval. */
  'early-ping': (io) => io.engine.on('connection', (engine) => engine.sendPacket('ping')),
  /** A frame that cannot be parsed is ignored instead of closing the connection. */
  'garbage-kept': (io) => {
    io.engine.on('connection', (engine) => {
      setImmediate(() => {
        for (const client of engine.listeners('data')) {
          engine.off('data', client);
          engine.on('data', (data) => {
            if (typeof data !== 'string' || /^[0-6]/.test(data)) client(data);
          });
        }
      });
    });
  },
  /** A connection ends with a close code of its own. */
  'close-code': (io) => {
    io.engine.on('connection', (engine) => {
      const { transport } = engine;
      if (transport.name !== 'websocket') return;
      const close = transport.socket.close.bind(transport.socket);
      transport.socket.close = (code) => close(code ?? 1000);
    });
  },
  /** What was missed is not replayed, although the session is recovered. */
  'nothing-replayed': (io) => {
    const adapter = io.of('/').adapter;
    const restore = adapter.restoreSession.bind(adapter);
    adapter.restoreSession = async (...session) => {
      const restored = await restore(...session);
      return restored && { ...restored, missedPackets: [] };
    };
  },
  /** A sender hears what it said to the others. */
  'sender-hears': (io) => {
    io.on('connection', (socket) => {
      socket.removeAllListeners('say-others');
      socket.on('say-others', (room, ...args) => io.to(room).emit('said', ...args));
    });
  },
};

/** Applies a fault by its name. */
export function spoil(name, io) {
  if (!faults[name]) throw new Error(`no fault is named ${name}: ${Object.keys(faults).join(', ')}`);
  faults[name](io);
}
