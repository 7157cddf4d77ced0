// Sends edits to the server in the order in which they were made; those of different pictures that wait go together.
const TOGETHER = new Set(['label', 'review', 'archive', 'skip']);
const MOST_TOGETHER = 20;

function editQueue(send, drained) {
  const waiting = [];
  let busy = false;

  function next() {
    const batch = [waiting.shift()];
    const named = new Set(batch[0].ids);
    const fits = (edit) => TOGETHER.has(edit.kind) && !edit.whole && !edit.ids.some((id) => named.has(id));
    if (!TOGETHER.has(batch[0].kind) || batch[0].whole) return batch;
    while (waiting.length && batch.length < MOST_TOGETHER && fits(waiting[0])) {
      waiting[0].ids.forEach((id) => named.add(id));
      batch.push(waiting.shift());
    }
    return batch;
  }

  async function drain() {
    if (busy) return;
    busy = true;
    while (waiting.length) await send(next());
    busy = false;
    drained();
  }

  return {
    push(edit) {
      waiting.push(edit);
      drain();
    },
    // Takes out the waiting edits that fit, and gives them back.
    drop(fits) {
      const dropped = waiting.filter(fits);
      waiting.splice(0, waiting.length, ...waiting.filter((edit) => !fits(edit)));
      return dropped;
    },
    get idle() {
      return !busy;
    },
  };
}
