// What stands above the pictures: where one is, what can be undone, the next step, and the classes.
import { node } from './dom.js';
import { countPictures } from './format.js';

const NO_SPLIT = 'No picture is in this split. Pictures are split when a training starts.';
const EMPTY = {
  unlabelled: 'Nothing is left to label.',
  train: NO_SPLIT,
  validation: NO_SPLIT,
  test: 'No picture is kept for the test. Move some to the test split, or import a folder called test.',
  bin: 'The bin is empty.',
  disagreed: 'No two people disagree about a picture.',
  unreviewed: 'Every labelled picture has a second opinion.',
  suspicious: 'No label looks wrong, or the labels were not checked yet.',
};

export function createToolbar({ root, model, handlers }) {
  const find = (selector) => root.querySelector(selector);
  const needsClass = () => model.images > 0 && !model.unlabelledCount() && model.page.classes.length < 2;

  function nextStep() {
    const count = model.mode === 'grid' && !model.inBin() ? model.selectedCount() : 0;
    if (count && model.activeClass) return { text: `Label ${count.toLocaleString('en')} as ${model.activeClass}`, press: () => handlers.label(model.activeClass) };
    if (count && model.activeClass === '') return { text: `Take the class of ${count.toLocaleString('en')} away`, press: () => handlers.label('') };
    if (model.unlabelledCount() && model.page.classes.length && (model.mode === 'grid' || (model.current === null && !model.leased()))) {
      return { text: `Label the ${model.unlabelledCount().toLocaleString('en')} left, one by one`, press: handlers.begin };
    }
    if (!model.unlabelledCount() && model.images) return { text: `Train on ${countPictures(model.images)}`, press: handlers.train, disabled: needsClass() };
    return null;
  }

  // Among pictures that leave the filter once they are answered, a place says nothing.
  function positionText() {
    const total = model.page.total || 0;
    if (model.mode === 'grid') return `${countPictures(total)} · `;
    if (model.reviewing()) return `${total.toLocaleString('en')} not reviewed · `;
    if (model.leased() || model.current === null) return '';
    return `${(model.sequenceOffset + model.position() + 1).toLocaleString('en')} of ${total.toLocaleString('en')} · `;
  }

  function renderStep(name, words, none) {
    const button = find(`#label-${name}`);
    const step = model[name];
    button.textContent = step ? `${words}: ${step.summary}` : none;
    button.title = button.textContent;
    button.disabled = !step;
  }

  function render() {
    find('.board-facts').textContent = `${positionText()}${model.unlabelledCount().toLocaleString('en')} left to label${needsClass() ? ' · training needs a second class' : ''}`;
    find('[data-act=grid]').setAttribute('aria-pressed', model.mode === 'grid');
    find('[data-act=stage]').setAttribute('aria-pressed', model.mode === 'stage');
    const next = nextStep();
    find('#label-primary').textContent = next ? next.text : '';
    find('#label-primary').classList.toggle('absent', !next);
    find('#label-primary').disabled = Boolean(next && next.disabled);
    renderStep('undo', 'Undo', 'Nothing to undo');
    renderStep('redo', 'Redo', 'Redo');
    find('#label-redo').classList.toggle('absent', !model.redo);
    find('.pages span').textContent = `Page ${model.page.page.toLocaleString('en')} of ${model.page.pages.toLocaleString('en')}`;
    find('[data-act=previous]').disabled = model.page.page < 2;
    find('[data-act=next]').disabled = !model.page.next;
    find('.nothing span').textContent = EMPTY[model.filter().status] || 'No picture fits this filter.';
    find('[data-act=remove-one]').firstChild.textContent = model.inBin() ? 'Restore ' : 'To the bin ';
    find('[data-act=skip]').classList.toggle('absent', model.inBin());
    renderPalette();
  }

  function renderPalette() {
    const palette = find('.palette');
    const wanted = JSON.stringify(model.page.classes);
    if (palette.dataset.classes !== wanted) {
      palette.dataset.classes = wanted;
      palette.replaceChildren(...model.page.classes.map(classButton), classButton({ name: '', colour: '' }, -1));
    }
    const picture = model.current === null ? null : model.picture(model.current);
    const onStage = picture && !(model.reviewing() && !picture.review) ? model.labelOf(picture.id) : null;
    const active = model.mode === 'grid' ? model.activeClass : onStage;
    for (const each of palette.children) each.setAttribute('aria-pressed', each.dataset.class === active);
  }

  function classButton({ name, colour }, place) {
    const button = node('button', { type: 'button', className: 'class-button' });
    button.dataset.class = name;
    if (place >= 0 && place < 9) button.append(node('kbd', { textContent: place + 1 }));
    const dot = node('i', { className: 'dot' });
    dot.style.background = colour;
    button.append(dot, node('b', { textContent: name || 'No class' }));
    return button;
  }

  return { render, pressPrimary: () => nextStep().press() };
}
