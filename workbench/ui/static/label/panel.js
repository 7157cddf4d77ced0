// Beside the stage: what is known of the picture, its notes, its tags, and what became of it so far.
import { node } from './dom.js';
import { imageAddress, localTime } from './format.js';
import { tryCall } from './retry.js';

const HISTORY_PAUSE_MS = 450;

export function createPanel({ root, model, server, actions }) {
  const notes = root.querySelector('textarea');
  const tag = root.querySelector('[name=tag]');
  const history = root.querySelector('.panel-history');
  const strip = root.querySelector('.panel-similar');
  let shown = null;
  let notedId = null;
  let historyTimer = 0;

  function render() {
    const id = model.current;
    root.classList.toggle('absent', id === null);
    if (id === null) return;
    const picture = model.picture(id);
    if (id !== shown) strip.replaceChildren();
    if (id !== shown || picture.revision !== Number(root.dataset.revision)) scheduleHistory(id);
    shown = id;
    root.dataset.revision = picture.revision;
    root.querySelector('.panel-who').textContent = labelledBy(picture);
    root.querySelector('.panel-facts').textContent = [picture.format, picture.weight, picture.frames > 1 && `first of ${picture.frames} frames`].filter(Boolean).join(' · ');
    chips(root.querySelector('.panel-flags'), picture.flags.map((textContent) => node('li', { textContent })));
    chips(root.querySelector('.panel-tags'), picture.tags.map((each) => tagChip(id, each)));
    if (document.activeElement !== notes) notes.value = picture.notes;
  }

  function labelledBy(picture) {
    if (model.reviewing() && !picture.review) return '';
    if (!model.labelOf(picture.id)) return 'Nobody has labelled it.';
    return picture.by ? `Labelled by ${picture.by}.` : 'Labelled.';
  }

  function chips(list, wanted) {
    list.classList.toggle('absent', !wanted.length);
    list.replaceChildren(...wanted);
  }

  function tagChip(id, text) {
    const remove = node('button', { type: 'button', textContent: '\u00D7', title: `Remove the tag ${text}` });
    remove.setAttribute('aria-label', `Remove the tag ${text}`);
    remove.addEventListener('click', () => actions.push('tag', [id], { add: [], remove: [text] }));
    return node('li', { textContent: text }, [remove]);
  }

  // While one key follows the other nobody reads a history.
  function scheduleHistory(id) {
    clearTimeout(historyTimer);
    history.replaceChildren();
    historyTimer = setTimeout(() => loadHistory(id), HISTORY_PAUSE_MS);
  }

  async function loadHistory(id) {
    const answer = await tryCall(() => server.look({ id }));
    if (!answer || answer.error || model.current !== id) return;
    const hidden = model.reviewing() && !model.picture(id).review;
    history.replaceChildren(...(hidden ? [] : answer.history.map(historyLine)));
  }

  function historyLine({ who: name, when, what, undone }) {
    const time = node('time', { dateTime: when, textContent: localTime(when), title: new Date(when).toLocaleString('en') });
    return node('li', { className: undone ? 'undone' : '' }, [node('b', { textContent: name }), ` ${what} `, time]);
  }

  async function showSimilar() {
    const id = model.current;
    const answer = await tryCall(() => server.similar_to({ id }));
    if (!answer || answer.error) return actions.showMessage((answer && answer.error) || 'The server did not answer. Try again.', true);
    if (model.current !== id) return undefined;
    answer.items.forEach((picture) => model.update(picture));
    if (!answer.items.length) actions.showMessage('No other picture is known to look like this one yet.');
    return strip.replaceChildren(...answer.items.map(thumbnail));
  }

  function thumbnail({ id, sha, file, label }) {
    const button = node('button', { type: 'button', title: [file, label || 'not labelled'].join(' · ') }, [
      node('img', { src: imageAddress(sha, 'thumbnail'), alt: `${file}, ${label || 'not labelled'}` }),
    ]);
    button.addEventListener('click', () => actions.goTo(id));
    return button;
  }

  notes.addEventListener('focus', () => (notedId = model.current));
  notes.addEventListener('blur', () => {
    const picture = notedId === null ? null : model.picture(notedId);
    if (picture && notes.value !== picture.notes) actions.push('note', [picture.id], { text: notes.value });
    notedId = null;
  });
  notes.addEventListener('keydown', (event) => event.key === 'Escape' && notes.blur());
  tag.addEventListener('keydown', (event) => event.key === 'Escape' && tag.blur());
  root.querySelector('form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (tag.value.trim()) actions.push('tag', [model.current], { add: [tag.value], remove: [] });
    tag.value = '';
  });

  return { render, showSimilar, focusTag: () => tag.focus(), focusNotes: () => notes.focus() };
}
