// The board of the Label tab: a grid and a stage over the same pictures. Every edit shows at once and goes through the queue.
const model = boardModel();
const find = (selector) => element.querySelector(selector);
const act = { render, open, turn: (way) => walk.turn(way), say, stand: (id) => walk.stand(id), drained };
const edits = boardEdits(model, act);
Object.assign(act, { label: edits.label, push: edits.push });
const walk = stageWalk(model, act);
const grid = pictureGrid(find('.grid'), model, act);
const stage = pictureStage(find('.stage'), model);
const panel = picturePanel(find('.stage-panel'), model, act);
const bulk = bulkActs(find('.board'), model, act);
const bar = boardBar(find('.board'), model, {
  label: (name) => bulk.label(name),
  begin: () => trigger('begin', {}),
  train: () => trigger('train', {}),
});
const address = boardAddress(model);
let settling = 0;

// Python brings lists and counts up to date; on the stage that can wait for a pause.
function drained() {
  clearTimeout(settling);
  settling = setTimeout(() => edits.idle && trigger('settled', {}), model.mode === 'grid' ? 0 : 1200);
}

// ---- what a key does to the picture at hand

function labelHere(name) {
  if (model.inBin()) return say('This picture is in the bin. Restore it first.');
  if (model.mode === 'stage') return labelStage(name);
  if (model.selectedCount()) return bulk.label(name);
  if (!find('.grid').contains(document.activeElement)) return say('Select pictures first: click them, or move with the arrow keys.');
  edits.label([model.current], name);
  grid.focusAt(Math.min(model.page.items.indexOf(model.current) + 1, model.page.items.length - 1));
  return render();
}

function labelStage(name) {
  const id = model.current;
  if (id === null) return say('No picture is on the stage, so the key did nothing.');
  if (!model.reviewing() || model.record(id).review) edits.label([id], name);
  else if (!review(model.record(id), name)) return undefined;
  return walk.step(1);
}

function review(known, name) {
  if (known.by === model.me) say('You gave this class yourself; the second opinion has to come from somebody else.', true);
  else if (!name) say('A second opinion is a class. Skip the picture with s if you cannot tell.');
  else {
    say(`${known.file}: your second opinion is ${name}`);
    edits.push('review', [known.id], { label: name });
    return true;
  }
  return false;
}

function pressNumber(number) {
  const found = model.page.classes[number - 1];
  if (found) labelHere(found.name);
  else say(`There is no class ${number} yet. Add one under Classes.`);
}

// Enter: the suggestion of an unlabelled picture, or the likelier class of a suspicious one.
function confirmHere() {
  if (model.mode === 'grid') return open(model.current);
  const known = model.current === null ? null : model.record(model.current);
  if (!known || model.inBin() || model.reviewing()) return undefined;
  const wanted = model.shown(known.id) ? known.suspected : known.suggestion;
  if (wanted && wanted !== model.shown(known.id)) return labelStage(wanted);
  return say('There is no suggestion for this picture.');
}

function oneByOne(kind, words) {
  if (model.mode !== 'stage' || model.current === null) return;
  const id = model.current;
  say(`${model.record(id).file}: ${words}`);
  edits.push(kind, [id]);
  walk.step(1);
}

function bin() {
  const kind = model.inBin() ? 'restore' : 'archive';
  if (model.mode === 'stage') return oneByOne(kind, model.inBin() ? 'restored' : 'in the bin');
  if (model.selectedCount()) return bulk[kind]();
  if (find('.grid').contains(document.activeElement)) edits.push(kind, [model.current]);
  return undefined;
}

function dismiss() {
  const known = model.current === null ? null : model.record(model.current);
  if (known && known.suspected) oneByOne('dismiss', 'the label stays as it is');
  else say('Nothing is in doubt about this picture.');
}

function walkHistory(kind) {
  if (model[kind] || !edits.idle) edits.push(kind, []);
  else say(kind === 'undo' ? 'There is nothing of yours left to undo.' : 'There is nothing to redo.');
}

// ---- moving

function open(id) {
  if (id !== null && id !== undefined) show('stage', id);
}

function show(mode, id = null) {
  const before = model.mode;
  if (mode === 'stage') walk.enter(id);
  model.mode = mode;
  if (before === 'stage' && mode === 'grid') {
    walk.release();
    trigger('settled', {});
  }
  render();
  if (mode === 'grid' && before === 'stage') grid.focusAt(Math.max(0, model.page.items.indexOf(model.current)));
}

function back() {
  if (model.mode === 'stage') show('grid');
  else model.clear();
  render();
}

function arrived(value) {
  const held = find('.grid').contains(document.activeElement);
  const turned = walk.arrived(value);
  const search = find('#label-search');
  if (document.activeElement !== search) search.value = value.filter.search;
  find('#label-tags').replaceChildren(...value.tags.map((each) => node('option', { value: each })));
  render();
  if (turned && model.mode === 'grid' && held) grid.focusAt(turned === 'next' ? 0 : model.page.items.length - 1);
}

// ---- keys and buttons

const move = (key, by) => () => (model.mode === 'grid' ? grid.move(key) : by && walk.step(by));
const KEYS = {
  0: () => labelHere(''),
  x: () => labelHere(''),
  s: () => oneByOne('skip', 'skipped'),
  a: bin,
  d: dismiss,
  u: () => walkHistory('undo'),
  U: () => walkHistory('redo'),
  t: () => (model.mode === 'stage' ? panel.focusTag() : bulk.tag()),
  n: () => model.mode === 'stage' && panel.focusNotes(),
  '/': () => find('#label-search').focus(),
  Escape: back,
  Enter: confirmHere,
  ArrowLeft: move('ArrowLeft', -1),
  ArrowRight: move('ArrowRight', 1),
  ArrowUp: move('ArrowUp', 0),
  ArrowDown: move('ArrowDown', 0),
};

// Gives whether the key was one of ours.
function keys(key, shift) {
  const name = key.length === 1 ? (shift ? key.toUpperCase() : key.toLowerCase()) : key;
  if (key === '?') toggleHelp();
  else if (element.querySelector('dialog[open]') || !model.page.key) return false;
  else if (/^[1-9]$/.test(key)) pressNumber(Number(key));
  else if (name in KEYS) return KEYS[name]() !== false;
  else return false;
  return true;
}

function toggleHelp() {
  const help = find('.help');
  if (help.open) help.close();
  else if (!element.querySelector('dialog[open]')) help.showModal();
}

const PRESSED = {
  grid: () => show('grid'),
  stage: () => show('stage'),
  help: toggleHelp,
  undo: KEYS.u,
  redo: KEYS.U,
  page: () => {
    model.whole = false;
    model.page.items.forEach((id) => model.selected.add(id));
  },
  whole: () => (model.whole = true),
  none: () => model.clear(),
  accept: () => bulk.accept(),
  'tag-many': () => bulk.tag(),
  remove: () => bulk[model.inBin() ? 'restore' : 'archive'](),
  'remove-one': bin,
  skip: KEYS.s,
  confirm: confirmHere,
  dismiss: KEYS.d,
  similar: () => panel.similar(),
  all: () => trigger('all', {}),
  previous: () => walk.turn('previous'),
  next: () => walk.turn('next'),
  back: () => walk.step(-1),
  on: () => walk.step(1),
  primary: () => bar.press(),
};

element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-act], [data-class]');
  if (!pressed) return;
  // A button that was clicked would take the next Enter, which is meant for the picture.
  if (event.detail) pressed.blur();
  if (pressed.dataset.act) PRESSED[pressed.dataset.act]();
  else if (model.mode === 'stage') labelHere(pressed.dataset.class);
  else model.brush = pressed.dataset.class;
  render();
});

find('.first-class').addEventListener('submit', (event) => {
  event.preventDefault();
  edits.push('add', [], { name: event.target.elements.name.value });
});

listenForSearch(find('#label-search'), model);

// ---- what is shown

function say(text, error = false) {
  const line = find('#label-said');
  line.textContent = text;
  line.classList.toggle('error', error);
}

function render() {
  const board = find('.board');
  board.dataset.mode = model.mode;
  board.classList.toggle('selecting', model.mode === 'grid' && model.selectedCount() > 0);
  board.classList.toggle('no-match', !model.page.items.length && (model.mode === 'grid' || (model.current === null && !model.line.length)));
  board.classList.toggle('no-classes', model.page.key !== null && !model.page.classes.length);
  board.classList.toggle('reviewing', model.reviewing());
  bar.render();
  if (model.mode === 'grid') {
    grid.render();
    bulk.render();
  } else {
    stage.render();
    panel.render();
  }
  address();
}

listenForKeys(element, keys);
document.addEventListener('waterline-name', () => element.isConnected && trigger('settled', {}));
const read = () => props.value && arrived(JSON.parse(JSON.stringify(props.value)));
watch('value', read);
if (matchMedia('(max-width: 640px)').matches) model.mode = 'stage';
read();
