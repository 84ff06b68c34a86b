/** A wait that ended because its time was over. */
export class TimedOut extends Error {
  /**
   * @param {string} what what did not happen
   * @param {number} limitMs
   */
  constructor(what, limitMs) {
    super(`${what}: nothing within ${limitMs / 1000} s`);
    this.limitMs = limitMs;
  }
}

/**
 * Waits for `promise`, for at most `limitMs`, or until cancelled.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {{ what: string, limitMs: number, cancel?: AbortSignal }} bound
 * @returns {Promise<T>}
 */
export function within(promise, { what, limitMs, cancel }) {
  return new Promise((resolve, reject) => {
    const onCancel = () => settle(reject)(cancel?.reason);
    const timer = setTimeout(() => settle(reject)(new TimedOut(what, limitMs)), limitMs);
    /** @param {(value: any) => void} done */
    const settle = (done) => (/** @type {any} */ value) => {
      clearTimeout(timer);
      cancel?.removeEventListener('abort', onCancel);
      done(value);
    };
    if (cancel?.aborted) return onCancel();
    cancel?.addEventListener('abort', onCancel);
    promise.then(settle(resolve), settle(reject));
  });
}

/**
 * A promise that is settled from outside, once. Nobody has to be waiting when
 * it fails.
 *
 * @template T
 */
export class Deferred {
  constructor() {
    /** @type {Promise<T>} */
    this.promise = new Promise((resolve, reject) => {
      /** @type {(value: T | PromiseLike<T>) => void} */
      this.resolve = resolve;
      /** @type {(reason: unknown) => void} */
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}
