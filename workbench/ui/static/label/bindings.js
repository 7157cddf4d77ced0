// What each command of the keyboard and each button of the board calls.

// A command that gives false leaves its key to the browser.
export function keyBindings({ model, commands, undo, navigation, grid, panel, selection }, { back, toggleHelp, focusSearch }) {
  const onStage = () => model.mode === 'stage';

  function move(key, by) {
    if (!onStage()) grid.move(key);
    else if (by) navigation.step(by);
  }

  return {
    class: commands.labelNumber,
    'clear-class': () => commands.label(''),
    skip: commands.skip,
    'toggle-bin': commands.toggleBin,
    dismiss: commands.dismiss,
    undo: () => undo.undo(),
    redo: () => undo.redo(),
    tag: () => (onStage() ? panel.focusTag() : selection.tag()),
    notes: () => onStage() && panel.focusNotes(),
    search: () => focusSearch(),
    help: () => toggleHelp(),
    back: () => back(),
    confirm: commands.confirm,
    left: () => move('ArrowLeft', -1),
    right: () => move('ArrowRight', 1),
    up: () => move('ArrowUp', 0),
    down: () => move('ArrowDown', 0),
  };
}

// By the `data-act` of the buttons in board.html.
export function buttonBindings({ model, commands, undo, navigation, panel, selection, toolbar, trigger }, { show, toggleHelp }) {
  return {
    grid: () => show('grid'),
    stage: () => show('stage'),
    help: () => toggleHelp(),
    undo: () => undo.undo(),
    redo: () => undo.redo(),
    page: () => commands.selectPage(),
    whole: () => commands.selectFilter(),
    none: () => model.clearSelection(),
    accept: () => selection.accept(),
    'tag-many': () => selection.tag(),
    remove: () => commands.toggleBinOfSelection(),
    'remove-one': () => commands.toggleBin(),
    skip: () => commands.skip(),
    confirm: () => commands.confirm(),
    dismiss: () => commands.dismiss(),
    similar: () => panel.showSimilar(),
    all: () => trigger('all', {}),
    previous: () => navigation.turnPage('previous'),
    next: () => navigation.turnPage('next'),
    back: () => navigation.step(-1),
    on: () => navigation.step(1),
    primary: () => toolbar.pressPrimary(),
  };
}
