/** The form: which ICE servers, which candidates. */

import { byId, element } from './element.js';
import { fetchIceServers, IceServersError, typedIceServers } from './ice-servers.js';

/** @typedef {import('./ice-servers.js').IceServer} IceServer */

const ROWS_MAX = 8;

export class SetupForm {
  constructor() {
    this.form = /** @type {HTMLFormElement} */ (byId('setup'));
    this.rows = byId('server-rows');
    this.tokenInput = /** @type {HTMLInputElement} */ (byId('token'));
    this.addButton = /** @type {HTMLButtonElement} */ (byId('add-server'));
    /** @type {HTMLElement | null | undefined} a field to look at, once the form can be used again */
    this.attention = null;
    this.#addRow();
    this.addButton.addEventListener('click', () => this.#addRow()?.querySelector('input')?.focus());
    byId('show-token').addEventListener('click', () => this.#askForToken());
    this.form.addEventListener('change', () => this.#showSource());
    this.form.addEventListener('input', () => this.#clearError());
    this.#showSource();
  }

  /** @returns {'all' | 'relay'} */
  get policy() {
    return this.#choice('policy') === 'relay' ? 'relay' : 'all';
  }

  get source() {
    return this.#choice('source');
  }

  get token() {
    return this.tokenInput.value.trim();
  }

  /**
   * The ICE servers as chosen. What is wrong with the choice is shown at its place.
   *
   * @param {AbortSignal} cancel
   * @returns {Promise<IceServer[]>}
   * @throws {IceServersError}
   */
  async iceServers(cancel) {
    try {
      if (this.source === 'typed') return typedIceServers(this.#typedRows());
      return await fetchIceServers(new URL('../ice-servers', import.meta.url), this.token, cancel);
    } catch (error) {
      if (error instanceof IceServersError) this.#showError(error);
      throw error;
    }
  }

  /** @param {boolean} running */
  set running(running) {
    if (running) this.#clearError();
    const [shown, gone] = running ? [byId('cancel'), byId('run')] : [byId('run'), byId('cancel')];
    const hadFocus = document.activeElement === gone;
    shown.hidden = false;
    if (hadFocus) shown.focus();
    gone.hidden = true;
    for (const fieldset of this.form.querySelectorAll('fieldset')) fieldset.disabled = running;
    if (!running) this.attention?.focus();
  }

  /** @param {string} name */
  #choice(name) {
    return String(new FormData(this.form).get(name) ?? this.form.querySelector(`[name=${name}]:checked`)?.getAttribute('value'));
  }

  #typedRows() {
    return [...this.rows.children].map((row) => {
      const [uri, username, credential] = [...row.querySelectorAll('input')].map(({ value }) => value);
      return { uri, username, credential };
    });
  }

  #showSource() {
    const typed = this.source === 'typed';
    byId('typed-servers').hidden = !typed;
    byId('show-token').hidden = !byId('token-field').hidden;
    this.#clearError();
  }

  #askForToken() {
    byId('token-field').hidden = false;
    byId('show-token').hidden = true;
    this.tokenInput.focus();
  }

  /** @returns {HTMLElement | null} null when there are as many as allowed */
  #addRow() {
    const number = this.rows.children.length + 1;
    if (number > ROWS_MAX) return null;
    const remove = element('button', { type: 'button', class: 'quiet', hidden: number === 1 }, 'Remove');
    const row = element('li', { class: 'server-row', role: 'group', 'aria-label': `ICE server ${number}` },
      field('URI', 'text', 'turn:relay.example.org:3478'), field('Username', 'text'), field('Credential', 'password'), remove);
    remove.addEventListener('click', () => {
      row.remove();
      this.addButton.hidden = false;
      this.addButton.focus();
    });
    this.rows.append(row);
    this.addButton.hidden = number === ROWS_MAX;
    return row;
  }

  /** @param {IceServersError} error */
  #showError({ message, mend, needsToken, row }) {
    const place = byId('setup-error');
    place.textContent = `${message} ${mend}`;
    place.hidden = false;
    if (needsToken) this.#askForToken();
    const input = row === undefined ? null : this.rows.children[row]?.querySelector('input');
    input?.setAttribute('aria-invalid', 'true');
    this.attention = needsToken ? this.tokenInput : input;
  }

  #clearError() {
    byId('setup-error').hidden = true;
    this.attention = null;
    for (const input of this.form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
  }
}

/**
 * @param {string} name
 * @param {'text' | 'password'} type
 * @param {string} [placeholder]
 */
function field(name, type, placeholder) {
  const input = element('input', { type, placeholder, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' });
  return element('div', { class: 'field' }, element('label', {}, name, input));
}
