// The grid: one page of pictures, each a button that selects.
import { node } from './dom.js';
import { imageAddress, percent } from './format.js';

export function createGrid({ root, model, actions }) {
  const cells = new Map();

  function cell(id) {
    if (!cells.has(id)) cells.set(id, build(id));
    return cells.get(id);
  }

  function build(id) {
    const { sha } = model.picture(id);
    const image = node('img', { src: imageAddress(sha, 'thumbnail'), loading: 'lazy', decoding: 'async', draggable: false });
    const name = node('span', { className: 'cell-class' }, [node('i', { className: 'dot' }), node('b'), node('span')]);
    const button = node('button', { className: 'cell', type: 'button' }, [image, node('span', { className: 'cell-marks' }), name]);
    button.dataset.id = id;
    return button;
  }

  function paint(id) {
    const button = cell(id);
    const picture = model.picture(id);
    const label = model.labelOf(id);
    const guess = !label && picture.suggestion;
    button.classList.toggle('unlabelled', !label);
    button.classList.toggle('suggested', Boolean(guess));
    button.setAttribute('aria-pressed', model.wholeFilter || model.selected.has(id));
    button.tabIndex = id === model.current || (!model.page.items.includes(model.current) && id === model.page.items[0]) ? 0 : -1;
    button.title = [picture.file, ...factsOf(picture)].join(' · ');
    button.querySelector('img').alt = [picture.file, label || 'not labelled', picture.synthetic && 'synthetic'].filter(Boolean).join(', ');
    button.querySelector('.dot').style.background = label ? model.colourOf(label) : '';
    button.querySelector('.dot').style.borderColor = guess ? model.colourOf(picture.suggestion) : '';
    button.querySelector('b').textContent = label || guess || 'not labelled';
    button.querySelector('.cell-class span').textContent = guess ? percent(picture.probability) : '';
    paintMarks(button.querySelector('.cell-marks'), picture);
    return button;
  }

  function factsOf(picture) {
    return [picture.split && `${picture.split} split`, ...marksOf(picture), ...picture.flags, ...picture.tags.map((tag) => `#${tag}`), picture.notes].filter(Boolean);
  }

  // Doubts are many where the model knows little; the grid shows them to those who ask for them.
  function marksOf(picture) {
    const relevant = [model.filter().status, model.filter().order].includes('suspicious');
    const doubt = relevant && picture.suspected && picture.suspected !== picture.label && `maybe ${picture.suspected}`;
    return [picture.synthetic && 'synthetic', picture.review, doubt].filter(Boolean);
  }

  function paintMarks(root, picture) {
    const wanted = marksOf(picture);
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
    else if (key === 'ArrowRight' && place === items.length - 1) actions.turnPage('next');
    else if (key === 'ArrowLeft' && place === 0) actions.turnPage('previous');
  }

  function choose(id, range) {
    const items = model.page.items;
    if (model.wholeFilter) {
      model.wholeFilter = false;
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
    actions.render();
  }

  root.addEventListener('click', (event) => {
    const button = event.target.closest('.cell');
    if (button) choose(Number(button.dataset.id), event.shiftKey);
  });
  root.addEventListener('dblclick', (event) => {
    const button = event.target.closest('.cell');
    if (button) actions.open(Number(button.dataset.id));
  });
  root.addEventListener('focusin', (event) => (model.current = Number(event.target.dataset.id)));

  const hasFocus = () => root.contains(document.activeElement);

  return { render, move, focusAt, hasFocus };
}
