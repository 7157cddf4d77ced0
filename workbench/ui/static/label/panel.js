// Beside the stage: what is known of the picture, its notes, its tags, and what became of it so far.
function picturePanel(root, model, act) {
  const notes = root.querySelector('textarea');
  const tag = root.querySelector('[name=tag]');
  const history = root.querySelector('.panel-history');
  const strip = root.querySelector('.panel-similar');
  let shown = null;
  let noting = null;
  let looking = 0;

  function render() {
    const id = model.current;
    root.classList.toggle('absent', id === null);
    if (id === null) return;
    const known = model.record(id);
    if (id !== shown) strip.replaceChildren();
    if (id !== shown || known.revision !== Number(root.dataset.revision)) settle(id);
    shown = id;
    root.dataset.revision = known.revision;
    root.querySelector('.panel-who').textContent = who(known);
    root.querySelector('.panel-facts').textContent = [known.format, known.weight, known.frames > 1 && `first of ${known.frames} frames`].filter(Boolean).join(' · ');
    chips(root.querySelector('.panel-flags'), known.flags.map((textContent) => node('li', { textContent })));
    chips(root.querySelector('.panel-tags'), known.tags.map((each) => tagChip(id, each)));
    if (document.activeElement !== notes) notes.value = known.notes;
  }

  function who(known) {
    if (model.reviewing() && !known.review) return '';
    if (!model.shown(known.id)) return 'Nobody has labelled it.';
    return known.by ? `Labelled by ${known.by}.` : 'Labelled.';
  }

  function chips(list, wanted) {
    list.classList.toggle('absent', !wanted.length);
    list.replaceChildren(...wanted);
  }

  function tagChip(id, text) {
    const away = node('button', { type: 'button', textContent: '\u00D7', title: `Remove the tag ${text}` });
    away.setAttribute('aria-label', `Remove the tag ${text}`);
    away.addEventListener('click', () => act.push('tag', [id], { add: [], remove: [text] }));
    return node('li', { textContent: text }, [away]);
  }

  // While one key follows the other nobody reads a history.
  function settle(id) {
    clearTimeout(looking);
    history.replaceChildren();
    looking = setTimeout(() => look(id), 450);
  }

  async function look(id) {
    const answer = await asked(() => server.look({ id }));
    if (!answer || answer.error || model.current !== id) return;
    const hidden = model.reviewing() && !model.record(id).review;
    history.replaceChildren(...(hidden ? [] : answer.history.map(line)));
  }

  function line({ who: name, when, what, undone }) {
    const time = node('time', { dateTime: when, textContent: clock(when), title: new Date(when).toLocaleString('en') });
    return node('li', { className: undone ? 'undone' : '' }, [node('b', { textContent: name }), ` ${what} `, time]);
  }

  async function similar() {
    const id = model.current;
    const answer = await asked(() => server.similar_to({ id }));
    if (!answer || answer.error) return act.say((answer && answer.error) || 'The server did not answer. Try again.', true);
    if (model.current !== id) return undefined;
    answer.items.forEach((picture) => model.take(picture));
    if (!answer.items.length) act.say('No other picture is known to look like this one yet.');
    return strip.replaceChildren(...answer.items.map(thumbnail));
  }

  function thumbnail({ id, sha, file, label }) {
    const button = node('button', { type: 'button', title: [file, label || 'not labelled'].join(' · ') }, [
      node('img', { src: media(sha, 'thumbnail'), alt: `${file}, ${label || 'not labelled'}` }),
    ]);
    button.addEventListener('click', () => act.stand(id));
    return button;
  }

  notes.addEventListener('focus', () => (noting = model.current));
  notes.addEventListener('blur', () => {
    const known = noting === null ? null : model.record(noting);
    if (known && notes.value !== known.notes) act.push('note', [known.id], { text: notes.value });
    noting = null;
  });
  notes.addEventListener('keydown', (event) => event.key === 'Escape' && notes.blur());
  tag.addEventListener('keydown', (event) => event.key === 'Escape' && tag.blur());
  root.querySelector('form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (tag.value.trim()) act.push('tag', [model.current], { add: [tag.value], remove: [] });
    tag.value = '';
  });

  return { render, similar, focusTag: () => tag.focus(), focusNotes: () => notes.focus() };
}

// In the reader's own zone, with the day where it is not today.
function clock(when) {
  const moment = new Date(when);
  const today = moment.toDateString() === new Date().toDateString();
  const hours = { hour: '2-digit', minute: '2-digit', hour12: false };
  return moment.toLocaleString('en', today ? hours : { day: 'numeric', month: 'short', ...hours });
}
