// Writes if_messages.json: what JavaScript itself makes of messages, for `src/if_message`. By hand, with Node 20:
//
//     node if_messages.mjs > if_messages.json
//
// Agents sign `JSON.stringify(fields, names)`; so does this, with the engine's own `JSON` and OpenSSL's Ed25519.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';

const seed = Buffer.alloc(32, 0x2a);
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');

const defaults = ['id', 'timestamp', 'level', 'source', 'destination', 'payload', 'performative', 'conversation_id', 'sequence_num'];
const base = {
  id: 'm1', timestamp: '2026-11-20T15:38:25.468Z', level: 2, source: 'agent-a', destination: 'agent-b', version: '2.1',
  performative: 'inform', conversation_id: 'c1', citation_ids: ['x'], sequence_num: 1, traceId: 'ab'.repeat(12),
};

// As the messages' signatures are made: members that are there, names sorted, the names as property list.
const canonical = (message, fields) => {
  const names = fields.filter((name) => name in message).sort();
  const picked = {};
  for (const name of names) picked[name] = message[name];
  return JSON.stringify(picked, names);
};

const sorted = (value) => {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`).join(',')}}`;
};

const samples = [
  [{ ...base, payload: { text: 'hi' } }, defaults],
  // The measured one.
  [{ ...base, payload: { text: 't', level: 9, nested: { id: 1, z: 2 }, arr: [1], id: [{ level: 1, zz: 2 }, 3] } }, defaults],
  [{ ...base, payload: null }, defaults],
  [{ ...base, payload: [] }, defaults],
  [{ ...base, payload: {} }, defaults],
  [{ ...base, payload: [[], {}, [{ id: [] }], null, true, false, { payload: { payload: { id: '' } } }] }, defaults],
  [{ ...base, payload: 'Città “é” 😀 \u2028\u2029\u007f\u0080 \b\t\n\f\r\u0000\u001f "\\/' }, defaults],
  [{ ...base, payload: { id: 1.5, level: -0, payload: [1e21, 1e-7, 123456789012345680000, 0.1, 5e-324] } }, defaults],
  [base, defaults],
  [{ ...base, payload: 1, toString: 5, 'ﬀ': 1, '😀': 2, é: 3, a: 4, 10: 5, 9: 6 }, ['ﬀ', '😀', 'é', 'a', '10', '9', 'id', 'absent', 'id', 'toString']],
  [{ ...base, payload: { id: 1 } }, []],
  [{ ...base, payload: { version: '9', traceId: 'x', source: 's' } }, ['payload', 'version']],
];

const messages = samples.map(([message, fields]) => {
  const text = canonical(message, fields);
  const whole = sorted(message);
  return {
    message: JSON.stringify({
      ...message,
      signature: {
        algorithm: 'ed25519', public_key: publicKey, signature_bytes: sign(null, Buffer.from(text), key).toString('hex'),
        signed_fields: fields,
      },
    }),
    fields, canonical: text, sorted: whole,
  };
});

// Numbers of every size, by a generator that is the same each time.
let state = 0x9e3779b9;
const next = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state;
};
const view = new DataView(new ArrayBuffer(8));
const numbers = [0, 1, -1, 0.1, 100, 1e20, 1e21, 1.5e21, 123e-20, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, 2 ** 53 + 2,
  4.35, 0.000001234, 123456.789, 999999999999999900000, 1e22, -1.25e-9, 4294967295, 18446744073709551615];
while (numbers.length < 200) {
  view.setUint32(0, next());
  view.setUint32(4, next());
  const any = view.getFloat64(0);
  if (Number.isFinite(any)) numbers.push(any, any % 1e6, next() / 1000);
}

const bits = (number) => {
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
};

console.log(JSON.stringify({ messages, numbers: numbers.map((number) => [bits(number), String(number)]) }, null, 1));
