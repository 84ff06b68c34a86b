/**
 * What a check means, in words.
 *
 * @typedef {'ok' | 'warning' | 'failed'} VerdictState
 *
 * @typedef {object} Finding
 * @property {string} what
 * @property {string} mend empty when there is nothing to do
 *
 * @typedef {object} Verdict
 * @property {VerdictState} state
 * @property {string} headline one line
 * @property {Finding[]} findings most important first
 */

import { explainIceError, isOtherFamily } from './ice-error.js';

/**
 * One finding per server and kind of error, worded for the person who can mend it.
 *
 * @param {import('./ice-error.js').GatheringError[]} errors
 * @param {(url: string) => boolean} [concerns] which servers' errors are worth telling
 * @returns {Finding[]}
 */
export function explainErrors(errors, concerns = () => true) {
  /** @type {Map<string, Finding>} */
  const findings = new Map();
  for (const error of errors) {
    if (!concerns(error.url) || isOtherFamily(error)) continue;
    const { kind, cause, mend } = explainIceError(error.code);
    const key = `${error.url} ${kind}`;
    if (!findings.has(key)) findings.set(key, { what: `${error.url || 'An ICE server'}: ${cause} (${error.code}).`, mend });
  }
  return [...findings.values()];
}
