// The selection of the grid: what can be done with it, and a question in words before more than a page is touched.
import { countPictures } from './format.js';

const SPLITS = { train: 'the training split', validation: 'the validation split', test: 'the test split', automatic: 'the automatic split' };

export function createSelection({ root, model, actions }) {
  const confirmation = root.querySelector('#label-confirm');
  const tagging = root.querySelector('#label-tagging');
  const move = root.querySelector('#label-move');
  let onConfirmed = null;

  // Whole filters go by filter and count, never by thousands of ids.
  function apply(kind, fields, words) {
    const count = model.selectedCount();
    if (!count) return actions.showMessage('Select pictures first: click them, or move with the arrow keys.');
    if (!model.wholeFilter) {
      if (kind === 'label') actions.label(model.selectedIds(), fields.label);
      else actions.push(kind, model.selectedIds(), fields);
      return finish();
    }
    const filtered = { filter: model.filter(), expected: model.page.total };
    return confirm(words(countPictures(count)), () => {
      actions.showMessage('Working …');
      actions.push(kind, [], fields, filtered);
      finish();
    });
  }

  function finish() {
    model.clearSelection();
    actions.render();
  }

  function confirm(words, then) {
    onConfirmed = then;
    confirmation.querySelector('p').textContent = `${words}? It is one change, and one undo takes it back.`;
    confirmation.querySelector('.primary').textContent = words;
    confirmation.showModal();
  }

  confirmation.querySelector('form').addEventListener('submit', (event) => {
    if (event.submitter.value === 'yes' && onConfirmed) onConfirmed();
    onConfirmed = null;
  });

  tagging.querySelector('form').addEventListener('submit', (event) => {
    const tag = event.target.elements.tag.value.trim();
    const remove = event.submitter.value === 'remove';
    if (event.submitter.value === 'cancel' || !tag) return;
    const fields = remove ? { add: [], remove: [tag] } : { add: [tag], remove: [] };
    apply('tag', fields, (what) => (remove ? `Remove the tag “${tag}” from ${what}` : `Tag ${what} with “${tag}”`));
    event.target.reset();
  });

  move.addEventListener('change', () => {
    const side = move.value;
    move.value = '';
    move.blur();
    if (side) apply('move', { side }, (what) => `Move ${what} to ${SPLITS[side]}`);
  });

  const commands = {
    label: (name) => apply('label', { label: name }, (what) => (name ? `Label ${what} as ${name}` : `Take the class of ${what} away`)),
    archive: () => apply('archive', {}, (what) => `Move ${what} to the bin`),
    restore: () => apply('restore', {}, (what) => `Restore ${what} from the bin`),
    accept: () => apply('accept', {}, (what) => `Accept the suggestions among ${what}`),
    tag: () => model.selectedCount() && tagging.showModal(),
  };

  function suggestedCount() {
    const ids = model.wholeFilter ? model.page.items : model.selectedIds();
    return ids.filter((id) => !model.labelOf(id) && model.picture(id).suggestion).length;
  }

  function render() {
    const count = model.selectedCount();
    const suggested = suggestedCount();
    const set = (id, text, there = true) => {
      const button = root.querySelector(id);
      button.textContent = text;
      button.classList.toggle('absent', !there);
    };
    root.querySelector('.selected-count').textContent = count ? `${count.toLocaleString('en')} selected` : '';
    set('#label-remove', model.inBin() ? `Restore ${countPictures(count)}` : `Move ${countPictures(count)} to the bin`);
    set('#label-accept', model.wholeFilter ? 'Accept the suggestions' : `Accept ${suggested} ${suggested === 1 ? 'suggestion' : 'suggestions'}`, suggested > 0);
    set('#label-page', `Select page (${model.page.items.length})`);
    set('#label-whole', `All ${model.page.total.toLocaleString('en')} in this filter`, model.page.total > model.page.items.length && !model.wholeFilter);
    move.classList.toggle('absent', model.inBin());
  }

  return { ...commands, render };
}
