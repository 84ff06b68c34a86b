// The frame of every client script: options in, one line of JSON out, and never left behind.

import { parseArgs } from 'node:util';

/**
 * Runs `main` with the options of the command line (`--name value`, all strings) and with its other arguments, and
 * prints what it resolves to as one line of JSON. Exit 0 then; 1 if it throws, if a promise is rejected unseen, or
 * after `limitMs`; 3 when standard input ends, because then whoever started us is gone.
 */
export function runScript(names, main, limitMs = 60_000) {
  const fail = (error) => {
    console.error(error?.stack ?? error);
    process.exit(1);
  };
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  process.stdin.on('end', () => process.exit(3)).resume();
  setTimeout(() => fail(`gave up after ${limitMs} ms`), limitMs).unref();

  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  Promise.resolve(main(values, positionals)).then((result) => {
    // libwebrtc's threads would keep the process alive, so it is ended once the line is written.
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  }, fail);
}

/** Throws unless `condition` holds. */
export function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

/** What `promise` resolves to, or an error that names `what` after `limitMs`. */
export function within(limitMs, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}, in vain`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
