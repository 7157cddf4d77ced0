// Edits: each shows at once, waits its turn, and is told apart by the id and revision of its pictures.
const PAUSES = [400, 1500, 4000];

function boardEdits(model, act) {
  const queue = editQueue(send, act.drained);

  const wishes = (edit) => (edit.kind === 'label' && !edit.whole ? edit.ids : []);
  const seen = (ids) => ids.filter(model.record).map((id) => [id, model.record(id).revision]);

  function order(edit) {
    if (['undo', 'redo'].includes(edit.kind)) edit.event = model[edit.kind] || { id: 0, summary: '' };
    const what = edit.whole ? { filter: edit.whole.filter, expected: edit.whole.expected } : { pictures: seen(edit.ids) };
    return { ...edit.fields, kind: edit.kind, holder: HOLDER, event: edit.event ? edit.event.id : 0, ...what };
  }

  // A lost answer is asked for again: an edit that came through the first time is known by its result.
  async function send(batch) {
    const orders = batch.map(order);
    let answer = await asked(() => server.save({ orders }));
    for (const pause of PAUSES) {
      if (answer) break;
      act.say('The server does not answer. Trying again …', true);
      await new Promise((resolve) => setTimeout(resolve, pause));
      answer = await asked(() => server.save({ orders }));
    }
    batch.forEach((edit) => model.unwish(wishes(edit)));
    if (answer) take(batch, answer);
    else lost();
    act.render();
  }

  function take(batch, answer) {
    answer.items.forEach((picture) => model.take(picture, true));
    model.takeFacts(answer);
    const there = new Set(answer.items.filter((picture) => picture.archived === model.inBin()).map((picture) => picture.id));
    batch.forEach((edit, place) => {
      const { error, said, ids } = answer.results[place];
      if (error && !fulfilled(edit)) refused(edit, error);
      else if (said) act.say(said);
      if (edit.kind !== 'skip') model.forget([...edit.ids, ...ids].filter((id) => !there.has(id)));
      if (['undo', 'redo'].includes(edit.kind) && !error) walkedBack(ids.filter((id) => there.has(id)));
    });
    if (batch.some((edit) => edit.whole)) model.clear();
  }

  const fulfilled = (edit) =>
    edit.kind === 'label' && edit.ids.length === 1 && model.record(edit.ids[0])?.label === edit.fields.label;

  function walkedBack(ids) {
    if (model.mode === 'stage' && ids.length === 1) model.stand(ids[0]);
  }

  function lost() {
    withdraw(() => true);
    act.say('The server did not answer, so the last changes may be missing. Check the connection and look again.', true);
  }

  // Later edits of the same pictures were made without knowing what is true now, so they go too.
  function refused(edit, sentence) {
    withdraw((waiting) => waiting.ids.some((id) => edit.ids.includes(id)));
    const one = edit.ids.length === 1 ? model.record(edit.ids[0]) : null;
    act.say(one ? `${one.file}: ${sentence}` : sentence, true);
  }

  function withdraw(fits) {
    queue.drop(fits).forEach((edit) => model.unwish(wishes(edit)));
  }

  function push(kind, ids, fields = {}, whole = null) {
    queue.push({ kind, ids, fields, whole });
  }

  function label(ids, name) {
    if (!ids.length) return;
    const what = ids.length === 1 ? model.record(ids[0]).file : `${ids.length} pictures`;
    model.wish(ids, name);
    act.say(name ? `${what}: ${name}` : `${what}: not labelled`);
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

async function asked(call) {
  try {
    return await call();
  } catch {
    return null;
  }
}
