// The board of the Label tab: a grid and a stage over the same pictures. Every edit shows at once and goes through the queue.
import { createAddressWriter } from './address.js';
import { buttonBindings, keyBindings } from './bindings.js';
import { createCommands } from './commands.js';
import { node } from './dom.js';
import { createEdits } from './edits.js';
import { createGrid } from './grid.js';
import { listenForKeys } from './keyboard.js';
import { createModel } from './model.js';
import { createNavigation } from './navigation.js';
import { createPanel } from './panel.js';
import { listenForSearch } from './search.js';
import { createSelection } from './selection.js';
import { createStage } from './stage.js';
import { claimTabId } from './tab_id.js';
import { createToolbar } from './toolbar.js';
import { createUndo } from './undo.js';

const SMALL_SCREEN = '(max-width: 640px)';
const STAGE_REFRESH_MS = 1200;

export function mount({ element, props, trigger, server, watch }) {
  const find = (selector) => element.querySelector(selector);
  const model = createModel();
  const tabId = claimTabId();
  // What the parts ask of one another; edits and navigation come in once they are made.
  const actions = { render, open, showMessage, onDrained };
  const edits = createEdits({ model, server, tabId, actions });
  const navigation = createNavigation({ model, server, trigger, element, tabId, actions });
  Object.assign(actions, { label: edits.label, push: edits.push, turnPage: navigation.turnPage, goTo: navigation.goTo });
  const grid = createGrid({ root: find('.grid'), model, actions });
  const stage = createStage({ root: find('.stage'), model });
  const panel = createPanel({ root: find('.stage-panel'), model, server, actions });
  const selection = createSelection({ root: find('.board'), model, actions });
  const undo = createUndo({ model, edits, showMessage });
  const commands = createCommands({ model, edits, navigation, grid, selection, actions });
  const toolbar = createToolbar({
    root: find('.board'),
    model,
    handlers: {
      label: (name) => selection.label(name),
      begin: () => trigger('begin', {}),
      train: () => trigger('train', {}),
    },
  });
  const writeAddress = createAddressWriter({ element, model });
  const parts = { model, commands, undo, navigation, grid, panel, selection, toolbar, trigger };
  const views = { show, back, toggleHelp, focusSearch: () => find('#label-search').focus() };
  const byButton = buttonBindings(parts, views);
  let refreshTimer = 0;

  // Python brings lists and counts up to date; on the stage that can wait for a pause.
  function onDrained() {
    clearTimeout(refreshTimer);
    const pause = model.mode === 'grid' ? 0 : STAGE_REFRESH_MS;
    refreshTimer = setTimeout(() => edits.idle && trigger('settled', {}), pause);
  }

  function open(id) {
    if (id !== null && id !== undefined) show('stage', id);
  }

  function show(mode, id = null) {
    const before = model.mode;
    if (mode === 'stage') navigation.enterStage(id);
    model.mode = mode;
    if (before === 'stage' && mode === 'grid') {
      navigation.releaseLeases();
      trigger('settled', {});
    }
    render();
    if (mode === 'grid' && before === 'stage') grid.focusAt(Math.max(0, model.page.items.indexOf(model.current)));
  }

  function back() {
    if (model.mode === 'stage') show('grid');
    else model.clearSelection();
    render();
  }

  function toggleHelp() {
    const help = find('.help');
    if (help.open) help.close();
    else if (!find('dialog[open]')) help.showModal();
  }

  const isBlocked = (command) => command !== 'help' && (find('dialog[open]') !== null || !model.page.key);

  function onClick(event) {
    const pressed = event.target.closest('[data-act], [data-class]');
    if (!pressed) return;
    // A button that was clicked would take the next Enter, which is meant for the picture.
    if (event.detail) pressed.blur();
    if (pressed.dataset.act) byButton[pressed.dataset.act]();
    else if (model.mode === 'stage') commands.label(pressed.dataset.class);
    else model.activeClass = pressed.dataset.class;
    render();
  }

  function onFirstClass(event) {
    event.preventDefault();
    edits.push('add', [], { name: event.target.elements.name.value });
  }

  function loadPage(value) {
    const focused = grid.hasFocus();
    const turned = navigation.loadPage(value);
    const search = find('#label-search');
    if (document.activeElement !== search) search.value = value.filter.search;
    find('#label-tags').replaceChildren(...value.tags.map((tag) => node('option', { value: tag })));
    render();
    if (turned && model.mode === 'grid' && focused) grid.focusAt(turned === 'next' ? 0 : model.page.items.length - 1);
  }

  function showMessage(text, error = false) {
    const line = find('#label-said');
    line.textContent = text;
    line.classList.toggle('error', error);
  }

  function renderBoard() {
    const board = find('.board');
    const inGrid = model.mode === 'grid';
    const nothing = !model.page.items.length && (inGrid || (model.current === null && !model.sequence.length));
    board.dataset.mode = model.mode;
    board.classList.toggle('selecting', inGrid && model.selectedCount() > 0);
    board.classList.toggle('no-match', nothing);
    board.classList.toggle('no-classes', model.page.key !== null && !model.page.classes.length);
    board.classList.toggle('reviewing', model.reviewing());
  }

  function render() {
    renderBoard();
    toolbar.render();
    const shown = model.mode === 'grid' ? [grid, selection] : [stage, panel];
    shown.forEach((part) => part.render());
    writeAddress();
  }

  // A copy, since the page is changed here and Gradio compares its own.
  function read() {
    if (props.value) loadPage(JSON.parse(JSON.stringify(props.value)));
  }

  element.addEventListener('click', onClick);
  find('.first-class').addEventListener('submit', onFirstClass);
  listenForSearch({ field: find('#label-search'), model, trigger });
  listenForKeys({ element, bindings: keyBindings(parts, views), isBlocked });
  document.addEventListener('waterline-name', () => element.isConnected && trigger('settled', {}));
  watch('value', read);
  if (matchMedia(SMALL_SCREEN).matches) model.mode = 'stage';
  read();
}
