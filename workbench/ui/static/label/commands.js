// What a key or a button does: to the picture on the stage, to the selection, or to the picture that has the focus in the grid.
const SELECT_FIRST = 'Select pictures first: click them, or move with the arrow keys.';
const OWN_ANSWER = 'You gave this class yourself; the second opinion has to come from somebody else.';

export function createCommands({ model, edits, navigation, grid, selection, actions }) {
  const { showMessage } = actions;
  const currentPicture = () => (model.current === null ? null : model.picture(model.current));

  function label(name) {
    if (model.inBin()) return showMessage('This picture is in the bin. Restore it first.');
    if (model.mode === 'stage') return labelOnStage(name);
    if (model.selectedCount()) return selection.label(name);
    if (!grid.hasFocus()) return showMessage(SELECT_FIRST);
    edits.label([model.current], name);
    grid.focusAt(Math.min(model.page.items.indexOf(model.current) + 1, model.page.items.length - 1));
    return actions.render();
  }

  function labelOnStage(name) {
    const picture = currentPicture();
    if (!picture) return showMessage('No picture is on the stage, so the key did nothing.');
    if (!model.reviewing() || picture.review) edits.label([picture.id], name);
    else if (!review(picture, name)) return undefined;
    return navigation.step(1);
  }

  function review(picture, name) {
    if (picture.by === model.me) showMessage(OWN_ANSWER, true);
    else if (!name) showMessage('A second opinion is a class. Skip the picture with s if you cannot tell.');
    else {
      showMessage(`${picture.file}: your second opinion is ${name}`);
      edits.push('review', [picture.id], { label: name });
      return true;
    }
    return false;
  }

  function labelNumber(number) {
    const named = model.page.classes[number - 1];
    if (named) label(named.name);
    else showMessage(`There is no class ${number} yet. Add one under Classes.`);
  }

  // The suggestion of an unlabelled picture, or the likelier class of a suspicious one.
  function confirm() {
    if (model.mode === 'grid') return actions.open(model.current);
    const picture = currentPicture();
    if (!picture || model.inBin() || model.reviewing()) return undefined;
    const current = model.labelOf(picture.id);
    const proposed = current ? picture.suspected : picture.suggestion;
    if (proposed && proposed !== current) return labelOnStage(proposed);
    return showMessage('There is no suggestion for this picture.');
  }

  function editOnStage(kind, words) {
    const picture = currentPicture();
    if (model.mode !== 'stage' || !picture) return;
    showMessage(`${picture.file}: ${words}`);
    edits.push(kind, [picture.id]);
    navigation.step(1);
  }

  function toggleBin() {
    const kind = model.inBin() ? 'restore' : 'archive';
    if (model.mode === 'stage') return editOnStage(kind, model.inBin() ? 'restored' : 'in the bin');
    if (model.selectedCount()) return selection[kind]();
    if (grid.hasFocus()) edits.push(kind, [model.current]);
    return undefined;
  }

  function toggleBinOfSelection() {
    selection[model.inBin() ? 'restore' : 'archive']();
  }

  function skip() {
    editOnStage('skip', 'skipped');
  }

  function dismiss() {
    if (currentPicture()?.suspected) editOnStage('dismiss', 'the label stays as it is');
    else showMessage('Nothing is in doubt about this picture.');
  }

  function selectPage() {
    model.wholeFilter = false;
    model.page.items.forEach((id) => model.selected.add(id));
  }

  function selectFilter() {
    model.wholeFilter = true;
  }

  return { label, labelNumber, confirm, toggleBin, toggleBinOfSelection, skip, dismiss, selectPage, selectFilter };
}
