// Sends edits to the server in the order in which they were made; those of different pictures that wait go together.
const BATCHED_KINDS = new Set(['label', 'review', 'archive', 'skip']);
const MOST_IN_BATCH = 20;

const canShareBatch = (edit) => BATCHED_KINDS.has(edit.kind) && !edit.filtered;

export function createQueue(send, onDrained) {
  const waiting = [];
  let busy = false;

  function nextBatch() {
    const batch = [waiting.shift()];
    if (!canShareBatch(batch[0])) return batch;
    const ids = new Set(batch[0].ids);
    const fits = (edit) => canShareBatch(edit) && !edit.ids.some((id) => ids.has(id));
    while (waiting.length && batch.length < MOST_IN_BATCH && fits(waiting[0])) {
      waiting[0].ids.forEach((id) => ids.add(id));
      batch.push(waiting.shift());
    }
    return batch;
  }

  async function drain() {
    if (busy) return;
    busy = true;
    while (waiting.length) await send(nextBatch());
    busy = false;
    onDrained();
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
