// The stage: one picture, large; its neighbours are fetched before they are asked for.
import { node } from './dom.js';
import { countPictures, imageAddress, percent } from './format.js';

export function createStage({ root, model }) {
  const image = root.querySelector('.stage-image');
  const frame = root.querySelector('.stage-frame');
  const fetched = new Map();
  let displayed = null;

  image.addEventListener('load', () => image.classList.toggle('ready', image.src.includes(displayed)));

  function prefetch() {
    const place = model.current === null ? model.sequence.length : model.position();
    const near = model.sequence.slice(Math.max(0, place - 2), place + 8);
    for (const id of fetched.keys()) if (!near.includes(id)) fetched.delete(id);
    for (const id of near) {
      if (!fetched.has(id)) fetched.set(id, node('img', { src: imageAddress(model.picture(id).sha, 'stage') }));
    }
  }

  // Until the large picture is there, the small one stands in its place.
  function display(sha) {
    if (sha === displayed) return;
    displayed = sha;
    image.classList.remove('ready');
    frame.style.backgroundImage = sha ? `url("${imageAddress(sha, 'thumbnail')}")` : '';
    if (sha) image.src = imageAddress(sha, 'stage');
    else image.removeAttribute('src');
    if (sha && image.complete && image.naturalWidth) image.classList.add('ready');
  }

  const EMPTY = {
    waiting: 'Fetching the next pictures …',
    unlabelled: () => (model.unlabelledCount() ? `The ${countPictures(model.unlabelledCount())} left are with other people at the moment, or were skipped. New ones appear here by themselves.` : 'Nothing is left to label.'),
    unreviewed: 'No picture waits for a second opinion of yours.',
    ended: 'That was the last picture here.',
  };

  function emptySentence() {
    if (model.emptyReason === 'waiting') return EMPTY.waiting;
    const sentence = model.sequence.length && !model.leased() ? EMPTY.ended : EMPTY[model.filter().status] || EMPTY.ended;
    return typeof sentence === 'function' ? sentence() : sentence;
  }

  function render() {
    const id = model.current;
    root.classList.toggle('empty', id === null);
    prefetch();
    if (id === null) {
      display(null);
      delete root.dataset.id;
      root.querySelector('.stage-over').textContent = emptySentence();
      return;
    }
    const picture = model.picture(id);
    const blind = model.reviewing() && !picture.review;
    display(picture.sha);
    root.dataset.id = id;
    image.alt = `${picture.file}, ${blind ? 'first answer hidden' : model.labelOf(id) || 'not labelled'}`;
    renderClass(picture, blind);
    renderQuestion(picture, blind);
    const facts = [picture.file, picture.size, picture.split && `${picture.split} split`, picture.synthetic && 'synthetic'];
    root.querySelector('.stage-file').textContent = facts.filter(Boolean).join(' · ');
  }

  function renderClass(picture, blind) {
    const label = blind ? '' : model.labelOf(picture.id);
    const line = root.querySelector('.stage-class');
    line.querySelector('.dot').style.background = label ? model.colourOf(label) : '';
    line.querySelector('b').textContent = blind ? 'first answer hidden' : label || 'not labelled';
    line.classList.toggle('unlabelled', !label);
    const guess = !blind && !label && picture.suggestion;
    const confirm = root.querySelector('.stage-guess');
    confirm.classList.toggle('absent', !guess);
    if (guess) confirm.querySelector('b').textContent = `${picture.suggestion} ${percent(picture.probability)}`;
    if (guess) confirm.querySelector('.dot').style.background = model.colourOf(picture.suggestion);
  }

  function renderQuestion(picture, blind) {
    const doubt = !blind && picture.suspected && picture.label && picture.suspected !== picture.label && picture.label === model.labelOf(picture.id);
    root.querySelector('.stage-question').textContent = question(picture, blind);
    root.querySelector('.stage-doubt').classList.toggle('absent', !doubt);
    if (doubt) root.querySelector('.stage-doubt span').textContent = `Looks more like ${picture.suspected} than ${picture.label}.`;
    const settle = root.querySelector('.stage-settle');
    const open = !blind && picture.review === 'disagreed' && model.labelOf(picture.id) === picture.label;
    settle.classList.toggle('absent', !open);
    if (open) settle.replaceChildren(side(picture.by, picture.label), side(picture.reviewed_by, picture.review_label));
  }

  function side(who, label) {
    const place = model.page.classes.findIndex((each) => each.name === label) + 1;
    const dot = node('i', { className: 'dot' });
    dot.style.background = model.colourOf(label) || '';
    const button = node('button', { type: 'button' }, [node('span', { textContent: `${who || 'somebody'}: ` }), dot, node('b', { textContent: label || 'a class that was removed' })]);
    if (place > 0) button.dataset.class = label;
    button.disabled = place === 0;
    if (place > 0 && place < 10) button.prepend(node('kbd', { textContent: place }));
    return button;
  }

  function question(picture, blind) {
    if (blind && picture.by === model.me) return 'You gave this class yourself; the second opinion has to come from somebody else.';
    if (blind) return `Second opinion: give the class that you see. The first answer is hidden until then.${model.me === 'someone' ? ' Type your name at the top first, so that it is not taken for the first one.' : ''}`;
    if (picture.review === 'agreed') return `${picture.by || 'Somebody'} and ${picture.reviewed_by} agree.`;
    if (picture.review === 'disagreed') return 'Two people disagree. The key of a class settles it:';
    return '';
  }

  return { render };
}
