/** The steps of a link, as a line of milestones with their share of the time. */

import { duration } from './duration.js';
import { element } from './element.js';

/**
 * @typedef {import('./steps.js').Step} Step
 * @typedef {import('./steps.js').StepState} StepState
 */

/** @type {Record<StepState, string>} */
const STATE_WORDS = { pending: 'waiting', running: 'running', ok: 'done', failed: 'failed', skipped: 'not reached' };

/** @type {Partial<Record<StepState, string>>} */
const SIGNS = { ok: 'M5 10.5l3.2 3.2L15 7', failed: 'M6.5 6.5l7 7m0-7l-7 7' };

export class StepView {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    /** @type {Map<string, { step: string, item: HTMLElement }>} */
    this.items = new Map();
  }

  /**
   * Shows all steps; only those that changed are drawn again.
   *
   * @param {Step[]} steps
   */
  show(steps) {
    const total = Math.max(...steps.map(({ at, ms }) => (at ?? 0) + (ms ?? 0)), 1);
    for (const step of steps) {
      const drawn = this.items.get(step.id);
      const key = JSON.stringify(step);
      if (drawn?.step === key) continue;
      const item = stepItem(step);
      if (drawn) drawn.item.replaceWith(item);
      else this.list.append(item);
      this.items.set(step.id, { step: key, item });
    }
    for (const step of steps) placeBar(this.items.get(step.id)?.item, step, total);
  }

  clear() {
    this.items.clear();
    this.list.replaceChildren();
  }
}

/** @param {Step} step */
function stepItem({ id, title, state, ms, detail }) {
  return element('li', { class: 'step', 'data-step': id, 'data-state': state },
    element('span', { class: 'dot', role: 'img', 'aria-label': STATE_WORDS[state] }, ...sign(state)),
    element('span', { class: 'step-title' }, title),
    element('span', { class: 'bar', 'aria-hidden': 'true' }, element('i')),
    element('span', { class: 'when' }, ms === null ? '' : duration(ms)),
    ...(detail ? [element('p', { class: 'step-detail' }, detail)] : []));
}

/**
 * @param {HTMLElement | undefined} item
 * @param {Step} step
 * @param {number} total
 */
function placeBar(item, { at, ms }, total) {
  const bar = item?.querySelector('i');
  if (!(bar instanceof HTMLElement)) return;
  bar.hidden = at === null;
  // Set through the object model, not an attribute: a strict style-src allows it.
  bar.style.marginLeft = `${(((at ?? 0) / total) * 100).toFixed(1)}%`;
  bar.style.width = `${(((ms ?? 0) / total) * 100).toFixed(1)}%`;
}

/**
 * @param {StepState} state
 * @returns {Node[]}
 */
function sign(state) {
  const path = SIGNS[state];
  if (!path) return [];
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return [svg];
}
