// The board of the Label tab: a grid and a stage over the same pictures. Every edit shows at once and goes through the queue.
const model = boardModel();
const find = (selector) => element.querySelector(selector);
const act = { render, open, turn };
const grid = pictureGrid(find('.grid'), model, act);
const stage = pictureStage(find('.stage'), model);
const queue = editQueue(send, drained);
let turning = 0;
let landing = '';
let settling = 0;

const CALLS = {
  label: (edit) => server.save_labels({ pictures: seen(edit.ids), label: edit.label }),
  remove: (edit) => server.remove_pictures({ pictures: seen(edit.ids) }),
  add: (edit) => server.add_class({ name: edit.name }),
  undo: (edit) => {
    edit.event = model.undo || { id: 0, summary: '' };
    return server.take_back({ event: edit.event.id });
  },
};

function seen(ids) {
  return ids.map((id) => [id, model.record(id).revision]);
}

// ---- edits

async function send(edit) {
  edit.ids = edit.ids.filter(model.record);
  const answer = await CALLS[edit.kind](edit);
  model.unwish(edit.kind === 'label' ? edit.ids : []);
  if (!answer) return lost();
  answer.items.forEach((picture) => model.take(picture, true));
  model.forget(edit.ids.filter((id) => !answer.items.some((picture) => picture.id === id)));
  model.takeFacts(answer);
  if (answer.error) refused(edit, answer.error);
  else if (edit.kind === 'undo') undone(edit, answer);
  render();
}

function lost() {
  withdraw(() => true);
  say('The server did not answer, so the last changes may be missing. Check the connection and look again.', true);
  render();
}

// Later edits of the same pictures were made without knowing what is true now, so they go too.
function refused(edit, sentence) {
  withdraw((waiting) => waiting.ids.some((id) => edit.ids.includes(id)));
  say(sentence, true);
}

function withdraw(fits) {
  queue.drop(fits).forEach((edit) => model.unwish(edit.kind === 'label' ? edit.ids : []));
}

function undone(edit, answer) {
  say(`Undone: ${edit.event.summary}.`);
  if (model.mode === 'stage' && answer.ids.length === 1 && model.line.includes(answer.ids[0])) model.current = answer.ids[0];
}

// Python brings lists and counts up to date; on the stage that can wait for a pause.
function drained() {
  clearTimeout(settling);
  settling = setTimeout(() => queue.idle && trigger('settled', {}), model.mode === 'grid' ? 0 : 300);
}

function label(ids, name) {
  if (!ids.length) return;
  const what = ids.length === 1 ? model.record(ids[0]).file : `${ids.length} pictures`;
  model.wish(ids, name);
  say(name ? `${what}: ${name}` : `${what}: not labelled`);
  queue.push({ kind: 'label', ids, label: name });
}

function labelHere(name) {
  if (model.mode === 'stage') {
    if (model.current === null) return;
    label([model.current], name);
    step(1);
  } else if (model.selected.size) {
    label(chosen(), name);
    model.selected.clear();
  } else if (find('.grid').contains(document.activeElement)) {
    label([model.current], name);
    grid.focusAt(Math.min(model.page.items.indexOf(model.current) + 1, model.page.items.length - 1));
  } else {
    say('Select pictures first: click them, or move with the arrow keys.');
  }
  render();
}

function chosen() {
  return model.page.items.filter((id) => model.selected.has(id));
}

function remove(ids) {
  if (!ids.length) return;
  say(`Removed ${ids.length === 1 ? '1 picture' : `${ids.length} pictures`}. Undo brings them back.`);
  queue.push({ kind: 'remove', ids });
}

// ---- moving

function open(id) {
  if (id === null || id === undefined) return;
  model.current = id;
  show('stage');
}

function show(mode) {
  const before = model.mode;
  model.mode = mode;
  if (before === 'stage' && mode === 'grid') trigger('settled', {});
  render();
  if (mode === 'grid' && before === 'stage') grid.focusAt(Math.max(0, model.page.items.indexOf(model.current)));
}

function step(by) {
  const place = model.index() + by;
  if (place < 0 && model.page.page > 1) return turn('previous');
  if (place < 0) return say('This is the first picture.');
  if (place >= model.line.length && model.page.next) return turn('next');
  if (place >= model.line.length) return say(model.left() ? 'This was the last picture here.' : 'This was the last one: every picture is labelled.');
  model.current = model.line[place];
  if (model.line.length - place < 30 && model.page.next) turn('next');
  render();
}

function turn(direction) {
  const possible = direction === 'next' ? model.page.next : model.page.page > 1;
  if (!possible || Date.now() - turning < 3000) return;
  turning = Date.now();
  landing = direction;
  trigger('turn', { cursor: direction === 'next' ? model.page.next : '' });
}

function arrived(value) {
  const held = find('.grid').contains(document.activeElement);
  const moved = turning > 0 && landing;
  turning = 0;
  landing = '';
  const place = model.index();
  model.accept(value);
  if (moved === 'previous' && model.mode === 'stage' && place === 0 && model.index() > 0) model.current = model.line[model.index() - 1];
  render();
  if (moved && model.mode === 'grid' && held) grid.focusAt(moved === 'next' ? 0 : model.page.items.length - 1);
}

// ---- keys and buttons

const KEYS = {
  0: () => labelHere(''),
  x: () => labelHere(''),
  u: undo,
  Escape: back,
  Enter: () => model.mode === 'grid' && open(model.current),
  ArrowLeft: () => (model.mode === 'grid' ? grid.move('ArrowLeft') : step(-1)),
  ArrowRight: () => (model.mode === 'grid' ? grid.move('ArrowRight') : step(1)),
  ArrowUp: () => model.mode === 'grid' && grid.move('ArrowUp'),
  ArrowDown: () => model.mode === 'grid' && grid.move('ArrowDown'),
};

// Gives whether the key was one of ours.
function keys(key) {
  const help = find('dialog');
  if (key === '?') toggleHelp();
  else if (help.open || !model.images) return false;
  else if (/^[1-9]$/.test(key)) pressNumber(Number(key));
  else if (key in KEYS) return KEYS[key]() !== false;
  else return false;
  return true;
}

function pressNumber(number) {
  const found = model.page.classes[number - 1];
  if (found) labelHere(found.name);
  else say(`There is no class ${number} yet. Add one under Classes.`);
}

function back() {
  if (model.mode === 'stage') show('grid');
  else model.selected.clear();
  render();
}

function undo() {
  if (model.undo || !queue.idle) queue.push({ kind: 'undo', ids: [] });
  else say('There is nothing left to undo.');
}

function toggleHelp() {
  const help = find('dialog');
  if (help.open) help.close();
  else help.showModal();
}

const PRESSED = {
  grid: () => show('grid'),
  stage: () => show('stage'),
  help: toggleHelp,
  undo,
  page: () => model.page.items.forEach((id) => model.selected.add(id)),
  none: () => model.selected.clear(),
  remove: () => remove(chosen()),
  'remove-one': () => remove([model.current]),
  all: () => trigger('all', {}),
  previous: () => turn('previous'),
  next: () => turn('next'),
  back: () => step(-1),
  on: () => step(1),
  primary: () => primary().press(),
};

element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-act], [data-class]');
  if (!pressed) return;
  if (pressed.dataset.act) PRESSED[pressed.dataset.act]();
  else if (model.mode === 'stage') labelHere(pressed.dataset.class);
  else model.brush = pressed.dataset.class;
  render();
});

find('.first-class').addEventListener('submit', (event) => {
  event.preventDefault();
  queue.push({ kind: 'add', ids: [], name: event.target.elements.name.value });
});

// ---- what is shown

const NO_SPLIT = 'No picture is in this split. Pictures are split when a training starts.';
const NOTHING = { unlabelled: 'Nothing is left to label.', train: NO_SPLIT, validation: NO_SPLIT };

function say(text, error = false) {
  const line = find('#label-said');
  line.textContent = text;
  line.classList.toggle('error', error);
}

function counted(number) {
  return number === 1 ? '1 picture' : `${number.toLocaleString('en')} pictures`;
}

function needsClass() {
  return model.images > 0 && !model.left() && model.page.classes.length < 2;
}

function primary() {
  const chosenNow = model.mode === 'grid' ? model.selected.size : 0;
  if (chosenNow && model.brush) return { text: `Label ${chosenNow} as ${model.brush}`, press: () => labelHere(model.brush) };
  if (chosenNow && model.brush === '') return { text: `Take the class of ${chosenNow} away`, press: () => labelHere('') };
  if (model.left() && model.mode === 'grid' && model.page.classes.length) {
    return { text: `Label the ${model.left().toLocaleString('en')} left, one by one`, press: () => trigger('begin', {}) };
  }
  if (!model.left() && model.images) {
    return { text: `Train on ${counted(model.images)}`, press: () => trigger('train', {}), disabled: needsClass() };
  }
  return null;
}

function render() {
  const board = find('.board');
  board.dataset.mode = model.mode;
  board.classList.toggle('selecting', model.mode === 'grid' && model.selected.size > 0);
  board.classList.toggle('no-match', !model.page.items.length && (model.mode === 'grid' || model.current === null));
  board.classList.toggle('no-classes', model.page.key !== null && !model.page.classes.length);
  renderBar();
  renderPalette();
  if (model.mode === 'grid') grid.render();
  else stage.render();
}

// Where one is on the stage; among pictures that leave the filter once they are labelled, a place says nothing.
function where() {
  const total = model.page.total || 0;
  if (model.mode === 'grid') return `${counted(total)} · `;
  if (model.page.status === 'unlabelled' || model.current === null) return '';
  return `${(model.start + model.index() + 1).toLocaleString('en')} of ${total.toLocaleString('en')} · `;
}

function renderBar() {
  find('.board-facts').textContent = `${where()}${model.left().toLocaleString('en')} left to label${needsClass() ? ' · training needs a second class' : ''}`;
  find('[data-act=grid]').setAttribute('aria-pressed', model.mode === 'grid');
  find('[data-act=stage]').setAttribute('aria-pressed', model.mode === 'stage');
  const next = primary();
  find('#label-primary').textContent = next ? next.text : '';
  find('#label-primary').classList.toggle('absent', !next);
  find('#label-primary').disabled = Boolean(next && next.disabled);
  find('#label-undo').textContent = model.undo ? `Undo: ${model.undo.summary}` : 'Nothing to undo';
  find('#label-undo').title = find('#label-undo').textContent;
  find('#label-undo').disabled = !model.undo;
  find('#label-remove').textContent = `Remove ${counted(model.selected.size)}`;
  find('.pages span').textContent = `Page ${model.page.page} of ${model.page.pages}`;
  find('[data-act=previous]').disabled = model.page.page < 2;
  find('[data-act=next]').disabled = !model.page.next;
  find('.nothing span').textContent = NOTHING[model.page.status] || 'No picture fits this filter.';
}

function renderPalette() {
  const palette = find('.palette');
  const wanted = JSON.stringify(model.page.classes);
  if (palette.dataset.classes !== wanted) {
    palette.dataset.classes = wanted;
    palette.replaceChildren(...model.page.classes.map(classButton), classButton({ name: '', colour: '' }, -1));
  }
  const active = model.mode === 'grid' ? model.brush : model.current === null ? null : model.shown(model.current);
  for (const each of palette.children) each.setAttribute('aria-pressed', each.dataset.class === active);
}

function classButton({ name, colour }, place) {
  const button = node('button', { type: 'button', className: 'class-button' });
  button.dataset.class = name;
  if (place < 9) button.append(node('kbd', { textContent: place + 1 }));
  const dot = node('i', { className: 'dot' });
  dot.style.background = colour;
  button.append(dot, node('b', { textContent: name || 'No class' }));
  return button;
}

listenForKeys(element, keys);
const read = () => props.value && arrived(JSON.parse(JSON.stringify(props.value)));
watch('value', read);
if (matchMedia('(max-width: 640px)').matches) model.mode = 'stage';
read();
