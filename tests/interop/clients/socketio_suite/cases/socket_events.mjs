// Socket.IO: events and acknowledgements, frame by frame.

import { RawSocket } from '../lib/raw_socket.mjs';

export const sets = ['base'];

/** What comes back for an event, until a barrier. */
const sent = {
  'an event without arguments': '42["message"]',
  'an event with every kind of JSON': '42["message",null,true,-0.5,1e3,"","\\u0000\\ud83d\\ude00",[],{},[[1]],{"a":{"b":[null]}}]',
  'an event with spaces in its JSON': '42 ["message", 1 , { "a" : 2 } ]',
  'an event nobody listens to': '42["unheard",1]',
  'an event of no name': '42["",1]',
  'an event whose name is a number': '42[5,1]',
  'an event named error': '42["error","x"]',
  'an event with the name of the namespace': '42/,["message",1]',
  'an event with an acknowledgement nobody gives': '4212["unheard",1]',
  'an acknowledgement': '4212["message-with-ack",1,"two",{"three":3}]',
  'an acknowledgement of nothing': '420["message-with-ack"]',
  'an acknowledgement with a great id': '429007199254740991["message-with-ack",1]',
  'an acknowledgement with zeros in front': '42007["message-with-ack",1]',
  'an acknowledgement that nobody asked for': '430["x"]',
  'an acknowledgement that nobody asked for, of great id': '43999999["x"]',
  'an acknowledgement without id': '43["x"]',
  'a message that asks for an acknowledgement': '425["message",1]',
  'a missing acknowledgement': '42["message-with-ack",1]',
  'a room that is no text': '423["join",{"a":1}]',
  'great numbers': '42["message",12345678901234567890,0.1,1e21,-0]',
  'keys in their order': '42["message",{"b":1,"a":2,"10":3,"9":4}]',
  'a key given twice': '42["message",{"a":1,"a":2}]',
  'text that needs escapes': '42["message","\\"\\\\\\/\\b\\f\\n\\r\\t\\u001e\\u2028</script>"]',
  'a placeholder in an event of text': '42["message",{"_placeholder":true,"num":0}]',
};

export const cases = {
  ...Object.fromEntries(
    Object.entries(sent).map(([name, frame]) => [
      name,
      async (server) => {
        const socket = await RawSocket.connected(server);
        socket.send(frame);
        return socket.untilBarrier();
      },
    ]),
  ),

  'an acknowledgement in another namespace': async (server) => {
    const socket = await RawSocket.connected(server, '/custom');
    socket.send('42/custom,3["message-with-ack",1]', '42/custom,["message",2]');
    return socket.untilBarrier('/custom');
  },

  'the same id again': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('421["message-with-ack","a"]', '421["message-with-ack","b"]');
    return socket.untilBarrier();
  },

  'the server asks and is answered': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["ask-me",60000,"how",{"are":"you"}]');
    const [question] = await socket.frames(1);
    socket.send(`43${idOf(question)}["fine",null,[1]]`);
    return { question: withoutId(question), ...(await socket.untilBarrier()) };
  },

  'the server asks and is answered twice': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["ask-me",60000]');
    const [question] = await socket.frames(1);
    socket.send(`43${idOf(question)}["first"]`, `43${idOf(question)}["second"]`);
    return socket.untilBarrier();
  },

  'the server asks and is answered too late': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["ask-me",50]');
    const [question] = await socket.frames(1);
    const unanswered = await socket.frames(1);
    socket.send(`43${idOf(question)}["late"]`);
    return { unanswered, ...(await socket.untilBarrier()) };
  },

  'the server asks and is answered with bytes': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["ask-me",60000]');
    const [question] = await socket.frames(1);
    socket.send(`461-${idOf(question)}[{"_placeholder":true,"num":0}]`, Buffer.from([9, 8]));
    return socket.untilBarrier();
  },

  'two questions have two ids': async (server) => {
    const socket = await RawSocket.connected(server);
    socket.send('42["ask-me",60000,"one"]', '42["ask-me",60000,"two"]');
    const questions = await socket.frames(2);
    socket.send(...questions.reverse().map((question) => `43${idOf(question)}[${JSON.stringify(withoutId(question))}]`));
    return socket.untilBarrier();
  },

  'a hundred events keep their order': async (server) => {
    const socket = await RawSocket.connected(server);
    for (let number = 0; number < 100; number += 1) socket.send(`42["message",${number}]`);
    const { seen } = await socket.untilBarrier();
    return { seen: seen.length, inOrder: seen.every((frame, index) => frame === `42["message-back",${index}]`) };
  },
};

function idOf(frame) {
  return /^42(\d+)/.exec(frame)[1];
}

function withoutId(frame) {
  return frame.replace(/^42\d+/, '42<id>');
}
