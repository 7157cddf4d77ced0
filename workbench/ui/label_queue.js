// Sends edits to the server one at a time, in the order in which they were made.
function editQueue(send, drained) {
  const waiting = [];
  let busy = false;

  async function drain() {
    if (busy) return;
    busy = true;
    while (waiting.length) await send(waiting.shift());
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
