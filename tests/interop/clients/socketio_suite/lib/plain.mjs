// Makes what a client saw comparable: ids have no two runs in common, and nobody reads a megabyte.

import { createHash } from 'node:crypto';

const KEPT_CHARS_MAX = 400;

/** Members that no two sessions have alike. */
const IDS = ['sid', 'pid', 'offset'];

/** Text with session ids replaced by their names. */
export function plainText(text) {
  return brief(asRead(text).replace(/"(sid|pid|offset)":"[A-Za-z0-9_.-]+"/g, '"$1":"<$1>"'));
}

/** A packet with its JSON as a client reads it: how numbers and escapes are spelled is the server's own affair. */
function asRead(text) {
  const [, head, json] = /^([\d-]*(?:\/[^,]*,)?\d*)([[{].*)$/s.exec(text) ?? [];
  if (json === undefined) return text;
  try {
    return head + JSON.stringify(JSON.parse(json));
  } catch {
    return text;
  }
}

/** Any value an event carries, as JSON: binary as base64, long things as their digest. */
export function plainValue(value) {
  if (value === undefined) return { undefined: true };
  if (typeof value === 'string') return brief(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return { binary: plainBytes(value) };
  if (value instanceof Error) return { error: value.message };
  if (Array.isArray(value)) return value.map(plainValue);
  if (value && typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([name, member]) => [name, plainMember(name, member)]));
  }
  return value;
}

function plainMember(name, member) {
  return IDS.includes(name) && typeof member === 'string' ? `<${name}>` : plainValue(member);
}

/** Bytes as base64, or as their digest. */
export function plainBytes(bytes) {
  const buffer = Buffer.from(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
  return buffer.length > KEPT_CHARS_MAX ? digest(buffer) : buffer.toString('base64');
}

function brief(text) {
  return text.length > KEPT_CHARS_MAX ? `${text.slice(0, 40)}… ${digest(text)}` : text;
}

function digest(data) {
  return `${data.length} long, sha1 ${createHash('sha1').update(data).digest('hex')}`;
}
