import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createEdits } from '../../workbench/ui/static/label/edits.js';
import { answerTo, modelOf, picture, settled } from './helping.js';

// Edits over three pictures; `save` is the server, by default one that never answers anything wrong.
function editing({ save, mode = '', filter } = {}) {
  const sent = [];
  const said = [];
  const model = modelOf([1, 2, 3].map((id) => picture(id)), { mode, ...(filter && { filter }) });
  const server = {
    save: async ({ orders }) => {
      sent.push(orders);
      return save ? save(orders, sent.length) : answerTo(orders, []);
    },
  };
  const actions = { showMessage: (text) => said.push(text), render: () => {}, onDrained: () => {} };
  const retries = { pauses: [0, 0], wait: async () => {} };
  const edits = createEdits({ model, server, tabId: 'tab', actions, retries });
  return { edits, model, sent, said };
}

const labelled = (orders) =>
  answerTo(orders, orders.map(({ pictures, label }) => picture(pictures[0][0], { label, revision: 2 })));

test('a label shows before it is saved, and is sent with the revision that was seen', async () => {
  const { edits, model, sent } = editing({ save: labelled });
  edits.label([2], 'Full');
  assert.equal(model.labelOf(2), 'Full');
  assert.equal(model.picture(2).label, '');
  assert.equal(model.pendingCount(), 1);
  assert.deepEqual(sent, [[{ kind: 'label', label: 'Full', holder: 'tab', event: 0, pictures: [[2, 1]] }]]);
  await settled();
  assert.equal(model.picture(2).label, 'Full');
  assert.equal(model.pendingCount(), 0);
});

test('of two labels of one picture the last one stays, and the second is sent with the revision that the first made', async () => {
  const revisions = { 1: 1 };
  const { edits, model, sent } = editing({
    save: (orders) => answerTo(orders, [picture(1, { label: orders[0].label, revision: (revisions[1] += 1) })]),
  });
  edits.label([1], 'Full');
  edits.label([1], 'Half');
  await settled();
  assert.deepEqual(sent.map(([order]) => [order.label, order.pictures]), [['Full', [[1, 1]]], ['Half', [[1, 2]]]]);
  assert.equal(model.labelOf(1), 'Half');
});

test('what is left to label counts the labels that wait', async () => {
  const { edits, model } = editing({ save: labelled });
  edits.label([1, 2], 'Full');
  assert.equal(model.unlabelledCount(), 1);
  await settled();
});

test('a lost answer is asked for again with the same orders', async () => {
  const { edits, model, sent, said } = editing({
    save: (orders, time) => {
      if (time < 3) throw new Error('no connection');
      return labelled(orders);
    },
  });
  edits.label([1], 'Full');
  await settled();
  assert.equal(sent.length, 3);
  assert.deepEqual(sent[0], sent[2]);
  assert.equal(model.labelOf(1), 'Full');
  assert.ok(said.includes('The server does not answer. Trying again …'));
});

test('without any answer what waits is withdrawn, and it is said', async () => {
  const { edits, model, sent, said } = editing({ save: () => Promise.reject(new Error('no connection')) });
  edits.label([1], 'Full');
  edits.push('tag', [1], { add: ['x'], remove: [] });
  edits.label([2], 'Half');
  await settled();
  assert.equal(sent.length, 3);
  assert.deepEqual([model.labelOf(1), model.labelOf(2)], ['', '']);
  assert.equal(model.pendingCount(), 0);
  assert.match(said.at(-1), /did not answer/);
  assert.equal(edits.idle, true);
});

test('a refusal withdraws later edits of the same picture, not those of others', async () => {
  const { edits, model, sent, said } = editing({
    save: (orders, time) => {
      if (time > 1) return labelled(orders);
      const answer = answerTo(orders, [picture(1, { label: 'Half', revision: 5 })]);
      answer.results[0].error = 'Somebody else changed it.';
      return answer;
    },
  });
  edits.label([1], 'Full');
  edits.label([1], 'Full');
  edits.label([2], 'Full');
  await settled();
  assert.deepEqual(sent.map((orders) => orders.map((order) => order.pictures[0][0])), [[1], [2]]);
  assert.deepEqual([model.labelOf(1), model.labelOf(2)], ['Half', 'Full']);
  assert.ok(said.includes('1.jpg: Somebody else changed it.'));
});

test('a refusal of what is already true is no refusal', async () => {
  const { edits, said } = editing({
    save: (orders) => {
      const answer = answerTo(orders, [picture(1, { label: 'Full', revision: 5 })]);
      answer.results[0].error = 'Somebody else changed it.';
      return answer;
    },
  });
  edits.label([1], 'Full');
  await settled();
  assert.deepEqual(said, ['1.jpg: Full']);
});

test('pictures that went to the bin leave the page; the stage goes to the next one', async () => {
  const { edits, model } = editing({ mode: 'stage', save: (orders) => answerTo(orders, [picture(1, { archived: true })]) });
  assert.equal(model.current, 1);
  edits.push('archive', [1]);
  await settled();
  assert.deepEqual(model.page.items, [2, 3]);
  assert.equal(model.current, 2);
});

test('all pictures of a filter go by the filter and their number, not by ids', async () => {
  const { edits, model, sent } = editing();
  const filter = { status: '', search: '' };
  model.wholeFilter = true;
  edits.push('label', [], { label: 'Full' }, { filter, expected: 900 });
  await settled();
  assert.deepEqual(sent[0][0], { kind: 'label', label: 'Full', holder: 'tab', event: 0, filter, expected: 900 });
  assert.equal(model.wholeFilter, false);
});
