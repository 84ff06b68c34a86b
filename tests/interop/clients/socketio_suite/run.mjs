// The conformance suite: `node run.mjs URL [--set NAME] [--only TEXT]` runs the cases of one option set (sets.json)
// against the server at URL, which must run with that set's options. Prints `{"case", "result"}` for each case, the
// result being what a client saw, then `{"summary"}`. A case that could not be finished has `{"failed"}` as its result.

import { readdir, readFile } from 'node:fs/promises';

import { runScript } from '../script.mjs';
import { ServerUnderTest } from './lib/server.mjs';

/** Cases mostly wait, so many run at once. */
const AT_ONCE_MAX = 6;

const here = new URL('.', import.meta.url);

runScript(['set', 'only'], main, 140_000);

async function main({ set = 'base', only = '' }, [url]) {
  const flags = JSON.parse(await readFile(new URL('sets.json', here)))[set];
  if (!url || !flags) throw new Error('usage: node run.mjs URL [--set NAME] [--only TEXT]');
  const cases = (await casesOf(set)).filter(({ name }) => name.includes(only));
  const failed = [];
  const takeTurns = async () => {
    for (let next = cases.shift(); next; next = cases.shift()) {
      const server = new ServerUnderTest(url.replace(/\/$/, ''), flags);
      const result = await next.run(server).catch((error) => ({ failed: error.message }));
      server.tidyUp();
      if (result?.failed) failed.push(next.name);
      console.log(JSON.stringify({ case: next.name, result: result ?? null }));
    }
  };
  const count = cases.length;
  await Promise.all(Array.from({ length: AT_ONCE_MAX }, takeTurns));
  return { summary: { set, cases: count, failed } };
}

async function casesOf(set) {
  const dir = new URL('cases/', here);
  const found = [];
  for (const file of (await readdir(dir)).sort()) {
    const { sets, cases } = await import(new URL(file, dir));
    const subject = file.replace('.mjs', '').replaceAll('_', ' ');
    if (!sets.includes(set)) continue;
    for (const [name, run] of Object.entries(cases)) found.push({ name: `${subject}: ${name}`, run });
  }
  return found;
}
