// Waiting with an end: nothing in the suite waits for ever, and what was waited for is named.

/** How long anything may take on a busy machine. */
export const WAIT_MS = 10_000;

/**
 * A stopwatch, which tells whether so many milliseconds have passed. A busy server counts from when it last looked at its
 * clock, so what comes this much too soon comes in time.
 */
export function stopwatch() {
  const began = performance.now();
  return { notBefore: (ms) => performance.now() - began >= ms - EARLY_MS_MAX };
}

const EARLY_MS_MAX = 100;

/** What `promise` resolves to, or an error that names `what` after `WAIT_MS`. */
export function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), WAIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What `look` finds, looked for again and again. */
export async function until(what, look) {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await pass(5)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

/** For time that has to pass, as in "after the window": never to wait for something that happens. */
export function pass(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Reads so many packets that are no pings, which is all that is known of them, and returns the pings among them. */
export async function pingsAmong(count, read) {
  const pings = [];
  for (let left = count; left > 0; ) {
    const packet = await read();
    if (packet === '2') pings.push(packet);
    else left -= 1;
  }
  return pings;
}
