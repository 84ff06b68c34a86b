// Messages of agents: made, signed and verified as the widely deployed TypeScript agents do it.

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';

const SIGNED_FIELDS = [
  'id', 'timestamp', 'level', 'source', 'destination', 'payload', 'performative', 'conversation_id', 'sequence_num',
];
/** The SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) up to the key itself. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** An agent's voice: its key, its count of messages, its run. */
export class Voice {
  #key;
  #publicKey;
  #count = 0;
  #traceId = randomBytes(12).toString('hex');

  /** `pem` is a private key; without one a key is made. */
  constructor(id, pem) {
    this.id = id;
    this.#key = pem ? createPrivateKey(pem) : generateKeyPairSync('ed25519').privateKey;
    this.#publicKey = createPublicKey(this.#key).export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
  }

  /** A message without a signature. */
  message(destination, payload) {
    this.#count += 1;
    return {
      id: `msg-${Date.now()}-${this.#count}`,
      timestamp: new Date().toISOString(),
      level: 2,
      source: this.id,
      destination,
      version: '2.1',
      payload,
      performative: 'inform',
      conversation_id: 'talk',
      citation_ids: ['if://citation/ü'],
      sequence_num: this.#count,
      traceId: this.#traceId,
    };
  }

  signed(message) {
    const bytes = sign(null, Buffer.from(covered(message, SIGNED_FIELDS)), this.#key);
    const signature = {
      algorithm: 'ed25519',
      public_key: this.#publicKey,
      signature_bytes: bytes.toString('hex'),
      signed_fields: SIGNED_FIELDS,
    };
    return { ...message, signature };
  }
}

/** Whether a message's signature is right, by its own word on what is signed. */
export function isSigned(message) {
  const { algorithm, public_key, signature_bytes, signed_fields } = message.signature ?? {};
  if (algorithm !== 'ed25519') return false;
  const spki = Buffer.concat([SPKI_HEAD, Buffer.from(public_key, 'hex')]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const text = covered(message, signed_fields);
  return verify(null, Buffer.from(text), key, Buffer.from(signature_bytes, 'hex'));
}

/** The allow-list goes for every level, so most of a payload is not covered: that is how it is. */
function covered(message, fields) {
  const names = fields.filter((name) => message[name] !== undefined).sort();
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, message[name]])), names);
}
