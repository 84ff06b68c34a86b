/**
 * A run of named steps, one after another, each bounded and timed.
 *
 * @typedef {'pending' | 'running' | 'ok' | 'failed' | 'skipped'} StepState
 *
 * @typedef {object} StepPlan
 * @property {string} id
 * @property {string} title
 * @property {number} limitMs
 *
 * @typedef {object} Step
 * @property {string} id
 * @property {string} title
 * @property {StepState} state
 * @property {number | null} at ms from the start of the run to the start of the step
 * @property {number | null} ms how long it took
 * @property {string} detail what came of it, in words
 */

import { within } from './deadline.js';

export class StepRun {
  /**
   * @param {readonly StepPlan[]} plan
   * @param {{ cancel: AbortSignal, onChange: (steps: Step[]) => void }} options
   */
  constructor(plan, { cancel, onChange }) {
    this.plan = plan;
    this.cancel = cancel;
    this.onChange = onChange;
    this.started = performance.now();
    /** @type {Step[]} */
    this.steps = plan.map(({ id, title }) => ({ id, title, state: 'pending', at: null, ms: null, detail: '' }));
  }

  /**
   * Runs one step; whatever it throws ends the run.
   *
   * @template T
   * @param {string} id
   * @param {() => Promise<T>} work
   * @param {(result: T) => string} [describe]
   * @returns {Promise<T>}
   */
  async step(id, work, describe = () => '') {
    const index = this.plan.findIndex((plan) => plan.id === id);
    const step = this.steps[index];
    const { limitMs, title } = this.plan[index];
    const started = performance.now();
    this.#change(step, { state: 'running', at: started - this.started });
    try {
      const result = await within(work(), { what: title, limitMs, cancel: this.cancel });
      this.#change(step, { state: 'ok', ms: performance.now() - started, detail: describe(result) });
      return result;
    } catch (error) {
      const detail = this.cancel.aborted ? 'cancelled' : error instanceof Error ? error.message : String(error);
      this.#change(step, { state: 'failed', ms: performance.now() - started, detail });
      this.#skipPending();
      throw error;
    }
  }

  /** The step at which the run ended, or null. */
  get failed() {
    return this.steps.find((step) => step.state === 'failed') ?? null;
  }

  #skipPending() {
    for (const step of this.steps) if (step.state === 'pending') step.state = 'skipped';
    this.onChange(this.steps);
  }

  /**
   * @param {Step} step
   * @param {Partial<Step>} change
   */
  #change(step, change) {
    Object.assign(step, change);
    this.onChange(this.steps);
  }
}
