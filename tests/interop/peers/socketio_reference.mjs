// The reference application on the reference server: Node's socket.io. Prints `listening http://127.0.0.1:PORT` and
// serves until SIGTERM, or until its standard input ends. `--fault NAME` spoils it on purpose (socketio_faults.mjs).

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import * as msgpack from 'socket.io-msgpack-parser';

import { serve } from './socketio_application.mjs';
import { spoil } from './socketio_faults.mjs';

const { values } = parseArgs({
  options: {
    'ping-interval': { type: 'string', default: '300' },
    'ping-timeout': { type: 'string', default: '200' },
    'max-payload': { type: 'string', default: '1000000' },
    'connect-timeout': { type: 'string', default: '1000' },
    recovery: { type: 'string', default: '0' },
    parser: { type: 'string', default: 'default' },
    path: { type: 'string', default: '/socket.io/' },
    fault: { type: 'string' },
  },
});

const recovery = Number(values.recovery);
const options = {
  path: values.path,
  pingInterval: Number(values['ping-interval']),
  pingTimeout: Number(values['ping-timeout']),
  maxHttpBufferSize: Number(values['max-payload']),
  connectTimeout: Number(values['connect-timeout']),
};
if (recovery > 0) options.connectionStateRecovery = { maxDisconnectionDuration: recovery };
if (values.parser === 'msgpack') options.parser = msgpack;

// Whatever is not Socket.IO does not exist.
const http = createServer((_request, response) => response.writeHead(404).end());
const io = new Server(http, options);
serve(io);
if (values.fault) spoil(values.fault, io);

process.on('SIGTERM', () => process.exit(0));
process.stdin.on('end', () => process.exit(0)).resume();
http.listen(0, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${http.address().port}`));
