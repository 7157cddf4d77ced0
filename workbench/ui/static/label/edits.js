// Edits: each shows at once, waits its turn, and is told apart by the id and revision of its pictures.
import { createQueue } from './queue.js';
import { callWithRetries } from './retry.js';

const isHistoryStep = (edit) => ['undo', 'redo'].includes(edit.kind);

export function createEdits({ model, server, tabId, actions, retries }) {
  const queue = createQueue(send, () => actions.onDrained());

  const pendingIdsOf = (edit) => (edit.kind === 'label' && !edit.filtered ? edit.ids : []);
  const revisionsOf = (ids) => ids.filter(model.picture).map((id) => [id, model.picture(id).revision]);

  function requestFor(edit) {
    // The event is read when the edit's turn comes: the edits before it may have made another one the newest.
    if (isHistoryStep(edit)) edit.event = model[edit.kind] || { id: 0, summary: '' };
    const { filter, expected } = edit.filtered || {};
    const target = edit.filtered ? { filter, expected } : { pictures: revisionsOf(edit.ids) };
    return { ...edit.fields, kind: edit.kind, holder: tabId, event: edit.event ? edit.event.id : 0, ...target };
  }

  // A lost answer is asked for again: an edit that came through the first time is known by its result.
  async function send(batch) {
    const orders = batch.map(requestFor);
    const warn = () => actions.showMessage('The server does not answer. Trying again …', true);
    const answer = await callWithRetries(() => server.save({ orders }), warn, retries);
    batch.forEach((edit) => model.removePendingLabel(pendingIdsOf(edit)));
    if (answer) applyAnswer(batch, answer);
    else onNoAnswer();
    actions.render();
  }

  function applyAnswer(batch, answer) {
    answer.items.forEach((picture) => model.update(picture, true));
    model.updateFacts(answer);
    const shown = answer.items.filter((picture) => picture.archived === model.inBin());
    const there = new Set(shown.map((picture) => picture.id));
    batch.forEach((edit, place) => applyResult(edit, answer.results[place], there));
    if (batch.some((edit) => edit.filtered)) model.clearSelection();
  }

  function applyResult(edit, { error, said, ids }, there) {
    if (error && !isAlreadyTrue(edit)) onRefused(edit, error);
    else if (said) actions.showMessage(said);
    if (edit.kind !== 'skip') model.removeFromPage([...edit.ids, ...ids].filter((id) => !there.has(id)));
    if (isHistoryStep(edit) && !error) showChanged(ids.filter((id) => there.has(id)));
  }

  const isAlreadyTrue = (edit) =>
    edit.kind === 'label' && edit.ids.length === 1 && model.picture(edit.ids[0])?.label === edit.fields.label;

  function showChanged(ids) {
    if (model.mode === 'stage' && ids.length === 1) model.goTo(ids[0]);
  }

  function onNoAnswer() {
    withdraw(() => true);
    actions.showMessage('The server did not answer, so the last changes may be missing. Check the connection and look again.', true);
  }

  // Later edits of the same pictures were made without knowing what is true now, so they go too.
  function onRefused(edit, sentence) {
    withdraw((waiting) => waiting.ids.some((id) => edit.ids.includes(id)));
    const picture = edit.ids.length === 1 ? model.picture(edit.ids[0]) : null;
    actions.showMessage(picture ? `${picture.file}: ${sentence}` : sentence, true);
  }

  function withdraw(fits) {
    queue.drop(fits).forEach((edit) => model.removePendingLabel(pendingIdsOf(edit)));
  }

  // `filtered` names all pictures of a filter by `{ filter, expected }`, in the place of ids.
  function push(kind, ids, fields = {}, filtered = null) {
    queue.push({ kind, ids, fields, filtered });
  }

  function label(ids, name) {
    if (!ids.length) return;
    const what = ids.length === 1 ? model.picture(ids[0]).file : `${ids.length} pictures`;
    model.addPendingLabel(ids, name);
    actions.showMessage(name ? `${what}: ${name}` : `${what}: not labelled`);
    push('label', ids, { label: name });
  }

  return {
    push,
    label,
    get idle() {
      return queue.idle;
    },
  };
}
