/** One result card: its state, its verdict, its figures. */

import { byId, element } from './element.js';

/**
 * @typedef {'idle' | 'running' | 'ok' | 'warning' | 'failed'} CardState
 *
 * @typedef {object} Tile
 * @property {string} name
 * @property {string} value
 * @property {string} [unit] smaller, behind the value
 */

/** @type {Record<CardState, string>} */
const STATE_WORDS = {
  idle: 'Not run yet',
  running: 'Running',
  ok: 'Works',
  warning: 'Works in part',
  failed: 'Does not work',
};

export class Card {
  /** @param {string} id of the section */
  constructor(id) {
    this.section = byId(id);
  }

  /**
   * A part of the card by its `data-role`.
   *
   * @param {string} role
   * @returns {HTMLElement}
   */
  part(role) {
    const part = this.section.querySelector(`[data-role="${role}"]`);
    if (!(part instanceof HTMLElement)) throw new Error(`#${this.section.id} has no part ${role}`);
    return part;
  }

  /** @param {CardState} state */
  set state(state) {
    this.section.dataset.state = state;
    this.part('pill').textContent = STATE_WORDS[state];
    this.part('run').textContent = state === 'idle' ? 'Run' : 'Run again';
  }

  /** @param {string} text */
  say(text) {
    this.part('verdict').replaceChildren(element('p', { class: 'idle-text' }, text));
  }

  /** @param {import('./verdict.js').Verdict} verdict */
  conclude({ state, headline, findings }) {
    this.state = state;
    const items = findings.map(({ what, mend }) =>
      element('li', {}, what, ...(mend ? [element('span', { class: 'mend' }, mend)] : [])));
    const list = items.length > 0 ? [element('ul', { class: 'findings' }, ...items)] : [];
    this.part('verdict').replaceChildren(element('p', { class: 'headline' }, headline), ...list);
  }

  /** @param {Tile[]} tiles */
  figures(tiles) {
    const part = this.part('tiles');
    part.hidden = tiles.length === 0;
    part.replaceChildren(...tiles.map(({ name, value, unit }) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value, ...(unit ? [element('small', {}, unit)] : [])))));
  }
}
