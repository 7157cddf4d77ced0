// The stage: one picture, large; its neighbours are fetched before they are asked for.
function pictureStage(root, model) {
  const image = root.querySelector('.stage-image');
  const frame = root.querySelector('.stage-frame');
  const fetched = new Map();
  let displayed = null;

  image.addEventListener('load', () => image.classList.toggle('ready', image.src.includes(displayed)));

  function prefetch() {
    const place = model.current === null ? model.line.length : model.index();
    const near = model.line.slice(Math.max(0, place - 2), place + 8);
    for (const id of fetched.keys()) if (!near.includes(id)) fetched.delete(id);
    for (const id of near) {
      if (!fetched.has(id)) fetched.set(id, node('img', { src: media(model.record(id).sha, 'stage') }));
    }
  }

  // Until the large picture is there, the small one stands in its place.
  function display(sha) {
    if (sha === displayed) return;
    displayed = sha;
    image.classList.remove('ready');
    frame.style.backgroundImage = sha ? `url("${media(sha, 'thumbnail')}")` : '';
    if (sha) image.src = media(sha, 'stage');
    else image.removeAttribute('src');
    if (sha && image.complete && image.naturalWidth) image.classList.add('ready');
  }

  const WHY = {
    waiting: 'Fetching the next pictures …',
    unlabelled: () => (model.left() ? `The ${counted(model.left())} left are with other people at the moment, or were skipped. New ones appear here by themselves.` : 'Nothing is left to label.'),
    unreviewed: 'No picture waits for a second opinion of yours.',
    ended: 'That was the last picture here.',
  };

  function why() {
    if (model.over === 'waiting') return WHY.waiting;
    const said = model.line.length && !model.handed() ? WHY.ended : WHY[model.filter().status] || WHY.ended;
    return typeof said === 'function' ? said() : said;
  }

  function render() {
    const id = model.current;
    root.classList.toggle('empty', id === null);
    prefetch();
    if (id === null) {
      display(null);
      delete root.dataset.id;
      root.querySelector('.stage-over').textContent = why();
      return;
    }
    const known = model.record(id);
    const blind = model.reviewing() && !known.review;
    display(known.sha);
    root.dataset.id = id;
    image.alt = `${known.file}, ${blind ? 'first answer hidden' : model.shown(id) || 'not labelled'}`;
    renderClass(known, blind);
    renderQuestion(known, blind);
    const facts = [known.file, known.size, known.split && `${known.split} split`, known.synthetic && 'synthetic'];
    root.querySelector('.stage-file').textContent = facts.filter(Boolean).join(' · ');
  }

  function renderClass(known, blind) {
    const label = blind ? '' : model.shown(known.id);
    const line = root.querySelector('.stage-class');
    line.querySelector('.dot').style.background = label ? model.colour(label) : '';
    line.querySelector('b').textContent = blind ? 'first answer hidden' : label || 'not labelled';
    line.classList.toggle('unlabelled', !label);
    const guess = !blind && !label && known.suggestion;
    const confirm = root.querySelector('.stage-guess');
    confirm.classList.toggle('absent', !guess);
    if (guess) confirm.querySelector('b').textContent = `${known.suggestion} ${percent(known.probability)}`;
    if (guess) confirm.querySelector('.dot').style.background = model.colour(known.suggestion);
  }

  function renderQuestion(known, blind) {
    const doubt = !blind && known.suspected && known.label && known.suspected !== known.label && known.label === model.shown(known.id);
    root.querySelector('.stage-question').textContent = question(known, blind);
    root.querySelector('.stage-doubt').classList.toggle('absent', !doubt);
    if (doubt) root.querySelector('.stage-doubt span').textContent = `Looks more like ${known.suspected} than ${known.label}.`;
    const settle = root.querySelector('.stage-settle');
    const open = !blind && known.review === 'disagreed' && model.shown(known.id) === known.label;
    settle.classList.toggle('absent', !open);
    if (open) settle.replaceChildren(side(known.by, known.label), side(known.reviewed_by, known.review_label));
  }

  function side(who, label) {
    const place = model.page.classes.findIndex((each) => each.name === label) + 1;
    const dot = node('i', { className: 'dot' });
    dot.style.background = model.colour(label) || '';
    const button = node('button', { type: 'button' }, [node('span', { textContent: `${who || 'somebody'}: ` }), dot, node('b', { textContent: label || 'a class that was removed' })]);
    if (place > 0) button.dataset.class = label;
    button.disabled = place === 0;
    if (place > 0 && place < 10) button.prepend(node('kbd', { textContent: place }));
    return button;
  }

  function question(known, blind) {
    if (blind && known.by === model.me) return 'You gave this class yourself; the second opinion has to come from somebody else.';
    if (blind) return `Second opinion: give the class that you see. The first answer is hidden until then.${model.me === 'someone' ? ' Type your name at the top first, so that it is not taken for the first one.' : ''}`;
    if (known.review === 'agreed') return `${known.by || 'Somebody'} and ${known.reviewed_by} agree.`;
    if (known.review === 'disagreed') return 'Two people disagree. The key of a class settles it:';
    return '';
  }

  return { render };
}
