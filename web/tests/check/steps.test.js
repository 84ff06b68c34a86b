import assert from 'node:assert/strict';
import test from 'node:test';

import { StepRun } from '../../check/steps.js';
import { within } from '../../check/deadline.js';

const PLAN = ['one', 'two', 'three'].map((id) => ({ id, title: id, limitMs: 10 }));

/** @param {AbortSignal} [cancel] */
function newRun(cancel = new AbortController().signal) {
  return new StepRun(PLAN, { cancel, onChange: () => {} });
}

/** @param {StepRun} run */
function states(run) {
  return run.steps.map(({ state }) => state);
}

test('a failed step ends the run and skips the rest', async () => {
  const run = newRun();
  assert.equal(await run.step('one', async () => 7, (value) => `got ${value}`), 7);
  await assert.rejects(run.step('two', async () => { throw new Error('no answer'); }), /no answer/);
  assert.deepEqual(states(run), ['ok', 'failed', 'skipped']);
  assert.equal(run.steps[0].detail, 'got 7');
  assert.equal(run.failed?.detail, 'no answer');
});

test('a step that never ends fails at its limit', async () => {
  const run = newRun();
  await assert.rejects(run.step('one', () => new Promise(() => {})), /one: nothing within 0.01 s/);
  assert.deepEqual(states(run), ['failed', 'skipped', 'skipped']);
});

test('a cancelled run stops at once and says so', async () => {
  const controller = new AbortController();
  const run = newRun(controller.signal);
  const step = run.step('one', () => new Promise(() => {}));
  controller.abort(new Error('stop'));
  await assert.rejects(step, /stop/);
  assert.equal(run.failed?.detail, 'cancelled');
});

test('a wait that is cancelled before it starts does not start', async () => {
  await assert.rejects(within(new Promise(() => {}), { what: 'x', limitMs: 60_000, cancel: AbortSignal.abort(new Error('gone')) }), /gone/);
});
