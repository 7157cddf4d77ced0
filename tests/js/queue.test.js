import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createQueue } from '../../workbench/ui/static/label/queue.js';
import { deferred, settled } from './helping.js';

const label = (...ids) => ({ kind: 'label', ids, filtered: null });
const tag = (...ids) => ({ kind: 'tag', ids, filtered: null });
const ofFilter = () => ({ kind: 'label', ids: [], filtered: { filter: {}, expected: 900 } });

// A queue whose first batch, of an edit of picture 0, is on its way until the test lets it through.
function held(sent = []) {
  const first = deferred();
  const drained = { times: 0 };
  const queue = createQueue(
    async (batch) => {
      sent.push(batch.map((edit) => [edit.kind, ...edit.ids]));
      if (sent.length === 1) await first.promise;
    },
    () => (drained.times += 1),
  );
  queue.push(label(0));
  return { queue, sent, drained, release: first.resolve };
}

test('an edit is sent at once, and what follows waits until it is answered', async () => {
  const { queue, sent, drained, release } = held();
  queue.push(label(1));
  await settled();
  assert.deepEqual(sent, [[['label', 0]]]);
  assert.equal(queue.idle, false);
  release();
  await settled();
  assert.deepEqual(sent, [[['label', 0]], [['label', 1]]]);
  assert.equal(queue.idle, true);
  assert.equal(drained.times, 1);
});

test('edits of different pictures that wait go together, in their order', async () => {
  const { queue, sent, release } = held();
  [3, 1, 2].forEach((id) => queue.push(label(id)));
  release();
  await settled();
  assert.deepEqual(sent[1], [['label', 3], ['label', 1], ['label', 2]]);
});

test('a second edit of one picture goes in a batch of its own, after the first', async () => {
  const { queue, sent, release } = held();
  [label(1), label(2), label(1), label(3)].forEach(queue.push);
  release();
  await settled();
  assert.deepEqual(sent.slice(1), [[['label', 1], ['label', 2]], [['label', 1], ['label', 3]]]);
});

test('an edit of another kind goes alone and is not overtaken', async () => {
  const { queue, sent, release } = held();
  [label(1), tag(2), label(3), ofFilter(), label(4)].forEach(queue.push);
  release();
  await settled();
  assert.deepEqual(sent.slice(1), [[['label', 1]], [['tag', 2]], [['label', 3]], [['label']], [['label', 4]]]);
});

test('at most twenty go together', async () => {
  const { queue, sent, release } = held();
  for (let id = 1; id <= 45; id += 1) queue.push(label(id));
  release();
  await settled();
  assert.deepEqual(sent.map((batch) => batch.length), [1, 20, 20, 5]);
});

test('what is dropped is given back and never sent', async () => {
  const { queue, sent, release } = held();
  [label(1), label(2), label(1)].forEach(queue.push);
  const dropped = queue.drop((edit) => edit.ids.includes(1));
  release();
  await settled();
  assert.deepEqual(dropped.map((edit) => edit.ids), [[1], [1]]);
  assert.deepEqual(sent, [[['label', 0]], [['label', 2]]]);
});
