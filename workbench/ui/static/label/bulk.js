// The selection of the grid: what can be done with it, and a question in words before more than a page is touched.
const SIDES = { train: 'the training split', validation: 'the validation split', test: 'the test split', automatic: 'the automatic split' };

function bulkActs(root, model, act) {
  const confirmation = root.querySelector('#label-confirm');
  const tagging = root.querySelector('#label-tagging');
  const move = root.querySelector('#label-move');
  let agreed = null;

  // Whole filters go by filter and count, never by thousands of ids.
  function apply(kind, fields, words) {
    const count = model.selectedCount();
    if (!count) return act.say('Select pictures first: click them, or move with the arrow keys.');
    if (!model.whole) {
      if (kind === 'label') act.label(model.chosen(), fields.label);
      else act.push(kind, model.chosen(), fields);
      return finish();
    }
    const whole = { filter: model.filter(), expected: model.page.total };
    return confirm(words(counted(count)), () => {
      act.say('Working …');
      act.push(kind, [], fields, whole);
      finish();
    });
  }

  function finish() {
    model.clear();
    act.render();
  }

  function confirm(words, then) {
    agreed = then;
    confirmation.querySelector('p').textContent = `${words}? It is one change, and one undo takes it back.`;
    confirmation.querySelector('.primary').textContent = words;
    confirmation.showModal();
  }

  confirmation.querySelector('form').addEventListener('submit', (event) => {
    if (event.submitter.value === 'yes' && agreed) agreed();
    agreed = null;
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
    if (side) apply('move', { side }, (what) => `Move ${what} to ${SIDES[side]}`);
  });

  const ACTS = {
    label: (name) => apply('label', { label: name }, (what) => (name ? `Label ${what} as ${name}` : `Take the class of ${what} away`)),
    archive: () => apply('archive', {}, (what) => `Move ${what} to the bin`),
    restore: () => apply('restore', {}, (what) => `Restore ${what} from the bin`),
    accept: () => apply('accept', {}, (what) => `Accept the suggestions among ${what}`),
    tag: () => model.selectedCount() && tagging.showModal(),
  };

  function suggested() {
    const chosen = model.whole ? model.page.items : model.chosen();
    return chosen.filter((id) => !model.shown(id) && model.record(id).suggestion).length;
  }

  function render() {
    const count = model.selectedCount();
    const set = (id, text, there = true) => {
      const button = root.querySelector(id);
      button.textContent = text;
      button.classList.toggle('absent', !there);
    };
    root.querySelector('.selected-count').textContent = count ? `${count.toLocaleString('en')} selected` : '';
    set('#label-remove', model.inBin() ? `Restore ${counted(count)}` : `Move ${counted(count)} to the bin`);
    set('#label-accept', model.whole ? 'Accept the suggestions' : `Accept ${suggested()} ${suggested() === 1 ? 'suggestion' : 'suggestions'}`, suggested() > 0);
    set('#label-page', `Select page (${model.page.items.length})`);
    set('#label-whole', `All ${model.page.total.toLocaleString('en')} in this filter`, model.page.total > model.page.items.length && !model.whole);
    move.classList.toggle('absent', model.inBin());
  }

  return { ...ACTS, render, open: () => confirmation.open || tagging.open };
}
