// The stage: one picture, large; its neighbours are fetched before they are asked for.
function pictureStage(root, model) {
  const image = root.querySelector('.stage-image');
  const frame = root.querySelector('.stage-frame');
  const file = root.querySelector('.stage-file');
  const fetched = new Map();
  let displayed = null;

  image.addEventListener('load', () => image.classList.add('ready'));

  function prefetch() {
    const place = model.index();
    const near = model.line.slice(Math.max(0, place - 1), place + 6);
    for (const id of fetched.keys()) if (!near.includes(id)) fetched.delete(id);
    for (const id of near) {
      if (!fetched.has(id)) fetched.set(id, node('img', { src: media(model.record(id).sha, 'stage') }));
    }
  }

  // Until the large picture is there, the small one stands in its place.
  function display(id) {
    const { sha } = model.record(id);
    if (sha === displayed) return;
    displayed = sha;
    image.classList.remove('ready');
    frame.style.backgroundImage = `url("${media(sha, 'thumbnail')}")`;
    image.src = media(sha, 'stage');
    if (image.complete) image.classList.add('ready');
  }

  function render() {
    const id = model.current;
    root.classList.toggle('empty', id === null);
    if (id === null) return;
    const known = model.record(id);
    const label = model.shown(id);
    display(id);
    image.alt = `${known.file}, ${label || 'not labelled'}`;
    root.dataset.id = id;
    root.querySelector('.stage-class .dot').style.background = label ? model.colour(label) : '';
    root.querySelector('.stage-class b').textContent = label || 'not labelled';
    root.querySelector('.stage-class').classList.toggle('unlabelled', !label);
    file.textContent = [known.file, known.size, known.split && `${known.split} split`, known.synthetic && 'synthetic']
      .filter(Boolean)
      .join(' · ');
    prefetch();
  }

  return { render };
}
