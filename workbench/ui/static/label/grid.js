// The grid: one page of pictures, each a button that selects.
function pictureGrid(root, model, act) {
  const cells = new Map();

  function cell(id) {
    if (!cells.has(id)) cells.set(id, build(id));
    return cells.get(id);
  }

  function build(id) {
    const { sha } = model.record(id);
    const image = node('img', { src: media(sha, 'thumbnail'), loading: 'lazy', decoding: 'async', draggable: false });
    const name = node('span', { className: 'cell-class' }, [node('i', { className: 'dot' }), node('b'), node('span')]);
    const button = node('button', { className: 'cell', type: 'button' }, [image, node('span', { className: 'cell-marks' }), name]);
    button.dataset.id = id;
    return button;
  }

  function paint(id) {
    const button = cell(id);
    const known = model.record(id);
    const label = model.shown(id);
    const guess = !label && known.suggestion;
    button.classList.toggle('unlabelled', !label);
    button.classList.toggle('suggested', Boolean(guess));
    button.setAttribute('aria-pressed', model.whole || model.selected.has(id));
    button.tabIndex = id === model.current || (!model.page.items.includes(model.current) && id === model.page.items[0]) ? 0 : -1;
    button.title = [known.file, ...facts(known)].join(' · ');
    button.querySelector('img').alt = [known.file, label || 'not labelled', known.synthetic && 'synthetic'].filter(Boolean).join(', ');
    button.querySelector('.dot').style.background = label ? model.colour(label) : '';
    button.querySelector('.dot').style.borderColor = guess ? model.colour(known.suggestion) : '';
    button.querySelector('b').textContent = label || guess || 'not labelled';
    button.querySelector('.cell-class span').textContent = guess ? percent(known.probability) : '';
    paintMarks(button.querySelector('.cell-marks'), known);
    return button;
  }

  function facts(known) {
    return [known.split && `${known.split} split`, ...marks(known), ...known.flags, ...known.tags.map((tag) => `#${tag}`), known.notes].filter(Boolean);
  }

  // Doubts are many where the model knows little; the grid shows them to those who ask for them.
  function marks(known) {
    const asked = [model.filter().status, model.filter().order].includes('suspicious');
    const doubt = asked && known.suspected && known.suspected !== known.label && `maybe ${known.suspected}`;
    return [known.synthetic && 'synthetic', known.review, doubt].filter(Boolean);
  }

  function paintMarks(root, known) {
    const wanted = marks(known);
    if (root.dataset.marks === wanted.join()) return;
    root.dataset.marks = wanted.join();
    root.replaceChildren(...wanted.map((textContent) => node('i', { textContent })));
  }

  function render() {
    const focused = root.contains(document.activeElement) ? [...root.children].indexOf(document.activeElement) : -1;
    const wanted = model.page.items.map(paint);
    for (const id of cells.keys()) if (!model.page.items.includes(id)) cells.delete(id);
    const same = wanted.length === root.children.length && wanted.every((each, place) => each === root.children[place]);
    if (!same) root.replaceChildren(...wanted);
    if (focused >= 0 && !root.contains(document.activeElement)) focusAt(Math.min(focused, wanted.length - 1));
  }

  function focusAt(place) {
    const target = root.children[place];
    if (!target) return;
    model.current = Number(target.dataset.id);
    [...root.children].forEach((each) => (each.tabIndex = each === target ? 0 : -1));
    target.focus();
  }

  function columns() {
    const top = root.children[0] ? root.children[0].offsetTop : 0;
    const next = [...root.children].findIndex((each) => each.offsetTop > top);
    return next < 0 ? root.children.length : next;
  }

  function move(key) {
    const items = model.page.items;
    const place = items.indexOf(model.current);
    if (!root.contains(document.activeElement)) return focusAt(Math.max(place, 0));
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[key];
    if (place + step >= 0 && place + step < items.length) focusAt(place + step);
    else if (key === 'ArrowRight' && place === items.length - 1) act.turn('next');
    else if (key === 'ArrowLeft' && place === 0) act.turn('previous');
  }

  function choose(id, range) {
    const items = model.page.items;
    if (model.whole) {
      model.whole = false;
      model.selected = new Set(items);
    }
    if (range && items.includes(model.anchor)) {
      const ends = [items.indexOf(model.anchor), items.indexOf(id)].sort((a, b) => a - b);
      items.slice(ends[0], ends[1] + 1).forEach((each) => model.selected.add(each));
    } else {
      if (!model.selected.delete(id)) model.selected.add(id);
      model.anchor = id;
    }
    model.current = id;
    act.render();
  }

  root.addEventListener('click', (event) => {
    const button = event.target.closest('.cell');
    if (button) choose(Number(button.dataset.id), event.shiftKey);
  });
  root.addEventListener('dblclick', (event) => {
    const button = event.target.closest('.cell');
    if (button) act.open(Number(button.dataset.id));
  });
  root.addEventListener('focusin', (event) => (model.current = Number(event.target.dataset.id)));

  return { render, move, focusAt, choose };
}
