// socket.io-client with a short window of recovery: who comes too late is another.

import { Client } from '../lib/client.mjs';
import { pass } from '../lib/waiting.mjs';

export const sets = ['brief-recovery'];

export const cases = {
  'after the window it is another': async (server) => {
    const listener = await Client.connected(server);
    const speaker = await Client.connected(server);
    const id = listener.socket.id;
    await listener.ask('join', 'too late');
    await listener.cut();
    speaker.emit('say', 'too late', 'missed for good');
    await speaker.settled();
    await pass(server.recoveryMs + 500);
    listener.takeLog();
    listener.socket.connect();
    await listener.heard('auth');
    const recovered = await listener.ask('recovered');
    const rooms = await listener.ask('rooms');
    return { sameId: listener.socket.id === id, recovered, rooms, log: listener.takeLog() };
  },
};
