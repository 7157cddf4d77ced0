// Undo and redo of one's own edits. While edits wait, the newest one is not known yet, so the server is asked all the same.
const NOTHING = {
  undo: 'There is nothing of yours left to undo.',
  redo: 'There is nothing to redo.',
};

export function createUndo({ model, edits, showMessage }) {
  function step(kind) {
    if (model[kind] || !edits.idle) edits.push(kind, []);
    else showMessage(NOTHING[kind]);
  }

  return { undo: () => step('undo'), redo: () => step('redo') };
}
