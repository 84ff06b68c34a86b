// Socket.IO: frames that are none. Some end the connection, some do not; the next client is served in either case.

import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base'];

const garbage = [
  // Engine.IO packets that are no messages.
  '9', '7', '2probe', '2', 'x', ' 42["message",1]', 'null',
  // Messages that are no packets.
  '4', '47', '48', '49', '4x', '4-1', '4 ', '4\u0000', '4é',
  // Events.
  '42', '42{}', '42[]', '42null', '42"message"', '42["a",', '42["a"', '42[1]', '42[1.5]', '42[null]', '42[true]', '42[{}]',
  '42[["message"]]', '42["message"]]', '42["message",1]x', '42{"0":"message"}', '42,["message"]', '42-["message"]',
  '42/["message"]', '42/', '42/,', '421', '42x["message"]', '421.5["message"]', "42['message']", '42["message",NaN]',
  '42["message",01]', '42["message",\u0001]', '42["message","\u0001"]', '42[undefined]', '421-["message"]',
  // Reserved names.
  '42["connect"]', '42["connect_error"]', '42["disconnect","x"]', '42["disconnecting"]', '42["newListener"]',
  '42["removeListener"]',
  // Acknowledgements.
  '43', '430', '43{}', '430{}', '430["x"', '43null', '43/custom,0[]',
  // The rest.
  '41{}', '41null', '41/nope', '41/custom,', '44', '44"x"', '44{"message":"x"}', '44[]', '441', '40/nope', '40{}', '40[]',
  '45', '46', '461-', '460[]',
];

export const cases = Object.fromEntries(
  garbage.map((frame) => [
    JSON.stringify(frame),
    async (server) => {
      const socket = await RawSocket.connected(server);
      socket.send(frame);
      const fate = await socket.untilBarrier();
      const next = await (await RawSocket.connected(server)).untilBarrier();
      return { ...fate, next };
    },
  ]),
);
