import assert from 'node:assert/strict';
import { test } from 'node:test';

import { modelOf, pageOf, picture } from './helping.js';

const pictures = (...ids) => ids.map((id) => picture(id));

test('a page that comes while a label is on its way does not take it back; the answer to it does', () => {
  const model = modelOf(pictures(1));
  model.addPendingLabel([1], 'Full');
  model.loadPage(pageOf([picture(1, { label: 'Half', revision: 2 })]));
  assert.equal(model.labelOf(1), 'Full');
  model.removePendingLabel([1]);
  assert.equal(model.labelOf(1), '');
  model.update(picture(1, { label: 'Half', revision: 2 }), true);
  assert.equal(model.labelOf(1), 'Half');
});

test('an older state of a picture does not replace a newer one', () => {
  const model = modelOf([picture(1, { label: 'Full', revision: 5 })]);
  model.loadPage(pageOf([picture(1, { label: '', revision: 4 })]));
  assert.equal(model.labelOf(1), 'Full');
});

test('on the stage what left the filter stays in the sequence, so that one can go back to it', () => {
  const model = modelOf(pictures(1, 2, 3), { mode: 'stage' });
  model.goTo(2);
  model.loadPage(pageOf(pictures(2, 3, 4)));
  assert.deepEqual(model.sequence, [1, 2, 3, 4]);
  assert.equal(model.current, 2);
});

test('another page drops the selection, the same page keeps it', () => {
  const model = modelOf(pictures(1, 2));
  model.selected.add(1);
  model.loadPage(pageOf(pictures(1, 2)));
  assert.deepEqual(model.selectedIds(), [1]);
  model.loadPage(pageOf(pictures(1, 2), { key: 'second' }));
  assert.deepEqual(model.selectedIds(), []);
});

test('leased pictures are appended once', () => {
  const model = modelOf([], { mode: 'stage', filter: { status: 'unlabelled', search: '' } });
  assert.equal(model.emptyReason, 'waiting');
  assert.deepEqual(model.appendLeased(pictures(5, 6)), [5, 6]);
  assert.deepEqual(model.appendLeased(pictures(6, 7)), [7]);
  assert.deepEqual(model.sequence, [5, 6, 7]);
});

test('when the last picture of the sequence goes the stage is empty', () => {
  const model = modelOf(pictures(1), { mode: 'stage' });
  model.removeFromPage([1]);
  assert.equal(model.current, null);
  assert.equal(model.emptyReason, 'ended');
});
