/**
 * Milliseconds as a person reads them: `0.4 ms`, `35 ms`, `1.25 s`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}
