import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createEdits } from '../../workbench/ui/static/label/edits.js';
import { createUndo } from '../../workbench/ui/static/label/undo.js';
import { answerTo, deferred, modelOf, pageOf, picture, settled } from './helping.js';

const STEP = { id: 7, summary: 'labelled 1.jpg as Full' };
const LATER = { id: 8, summary: 'labelled 2.jpg as Half' };

// Undo over three pictures, with answers that the test gives one by one.
function undoing(facts = {}, mode = '') {
  const calls = [];
  const said = [];
  const model = modelOf([1, 2, 3].map((id) => picture(id)), { mode, ...facts });
  const server = {
    save: ({ orders }) => {
      const answer = deferred();
      calls.push({ orders, answer: (...given) => answer.resolve(answerTo(orders, ...given)), resolve: answer.resolve });
      return answer.promise;
    },
  };
  const showMessage = (text) => said.push(text);
  const edits = createEdits({ model, server, tabId: 'tab', actions: { showMessage, render: () => {}, onDrained: () => {} } });
  return { model, edits, calls, said, ...createUndo({ model, edits, showMessage }) };
}

test('undo and redo name the event that the person saw', () => {
  const { undo, redo, calls } = undoing({ undo: STEP, redo: LATER });
  undo();
  assert.deepEqual(calls[0].orders, [{ kind: 'undo', holder: 'tab', event: 7, pictures: [] }]);
  calls[0].answer([], { undo: null, redo: LATER });
  return settled().then(() => {
    redo();
    assert.equal(calls[1].orders[0].kind, 'redo');
    assert.equal(calls[1].orders[0].event, 8);
  });
});

test('where there is nothing to undo or redo it is said, and nothing is sent', () => {
  const { undo, redo, calls, said } = undoing();
  undo();
  redo();
  assert.deepEqual(said, ['There is nothing of yours left to undo.', 'There is nothing to redo.']);
  assert.deepEqual(calls, []);
});

test('an undo while a label waits takes that label back: it goes after it, with its event', async () => {
  const { undo, edits, calls } = undoing();
  edits.label([1], 'Full');
  undo();
  assert.equal(calls.length, 1);
  calls[0].answer([picture(1, { label: 'Full', revision: 2 })], { undo: STEP });
  await settled();
  assert.deepEqual(calls[1].orders.map(({ kind, event }) => [kind, event]), [['undo', 7]]);
});

test('two undos in a row name two events', async () => {
  const { undo, calls } = undoing({ undo: LATER });
  undo();
  undo();
  calls[0].answer([], { undo: STEP });
  await settled();
  assert.deepEqual(calls.map(({ orders }) => orders[0].event), [8, 7]);
});

test('the stage goes to the one picture that was undone', async () => {
  const { undo, model, calls } = undoing({ undo: STEP }, 'stage');
  model.goTo(3);
  undo();
  const answer = answerTo(calls[0].orders, [picture(1, { revision: 3 })], { redo: STEP });
  answer.results[0].ids = [1];
  calls[0].resolve(answer);
  await settled();
  assert.equal(model.current, 1);
  assert.deepEqual(model.redo, STEP);
});

test('an undo of many pictures leaves the stage where it is', async () => {
  const { undo, model, calls } = undoing({ undo: STEP }, 'stage');
  model.goTo(3);
  undo();
  const answer = answerTo(calls[0].orders, [picture(1), picture(2)]);
  answer.results[0].ids = [1, 2];
  calls[0].resolve(answer);
  await settled();
  assert.equal(model.current, 3);
});

test('an undo that is refused says why', async () => {
  const { undo, calls, said } = undoing({ undo: STEP });
  undo();
  const answer = answerTo(calls[0].orders, []);
  answer.results[0].error = 'The picture was changed since.';
  calls[0].resolve(answer);
  await settled();
  assert.deepEqual(said, ['The picture was changed since.']);
});

test('facts that are older than those of the last answer change nothing', async () => {
  const { undo, model, calls } = undoing({ undo: STEP });
  undo();
  calls[0].answer([], { serial: 5, undo: null, redo: STEP });
  await settled();
  model.loadPage(pageOf([picture(1)], { serial: 4, undo: STEP, redo: null }));
  assert.deepEqual([model.undo, model.redo], [null, STEP]);
});
