// HTTP as bare as a polling client uses it, and what of the answer is compared.

import { request } from 'node:http';

import { plainText } from './plain.mjs';
import { within } from './waiting.mjs';

/** The headers of an answer that a client acts on; framing, dates and hints to caches between are the server's own. */
const COMPARED = /^(content-type|set-cookie|allow|access-control-.*)$/;
/** That a good answer is not cached is part of the protocol; refusals may say it or not. */
const COMPARED_WHEN_GOOD = /^cache-control$/;

/**
 * Asks, and resolves to `{status, headers, body}`. `signal` gives up; a request that dies resolves to `{died: true}`.
 * Without an agent each request has a connection of its own.
 */
export function ask(url, { method = 'GET', headers = {}, body, signal, agent = false } = {}) {
  const answered = new Promise((resolve) => {
    const asked = request(url, { method, headers, signal, agent });
    asked.on('error', () => resolve({ died: true }));
    asked.on('response', async (response) => resolve(await readAnswer(response)));
    asked.end(body);
  });
  return within(`an answer to ${method} ${url}`, answered);
}

/** Reads an answer of Node's client to its end. */
export async function readAnswer(response) {
  const chunks = [];
  try {
    for await (const chunk of response) chunks.push(chunk);
  } catch {
    return { status: response.statusCode, died: true };
  }
  const good = response.statusCode === 200;
  const compared = (name) => COMPARED.test(name) || (good && COMPARED_WHEN_GOOD.test(name));
  const names = Object.keys(response.headers).filter(compared).sort();
  const headers = Object.fromEntries(names.map((name) => [name, response.headers[name]]));
  return { status: response.statusCode, headers, body: Buffer.concat(chunks).toString() };
}

/** An answer as it is compared. */
export function plainAnswer({ body, ...rest }) {
  return body === undefined ? rest : { ...rest, body: plainText(body) };
}

/** Only what became of a request. */
export function outcome({ status, died, body }) {
  return died ? { died } : { status, body: plainText(body) };
}
