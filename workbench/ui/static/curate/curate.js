// Presses, choices and picks of the Curate tab become the event "press", with what is picked and typed beside them.
export function mount({ element, trigger }) {
  const scopeOf = (node) => node.closest('[data-scope]') || element;
  const pickedIn = (scope) => [...scope.querySelectorAll('[data-pick][aria-pressed=true]')].map((tile) => Number(tile.dataset.pick));
  let lastPick = null;

  function send(node, value) {
    const scope = scopeOf(node);
    const typed = scope.querySelector('[data-typed]');
    trigger('press', { ...scope.dataset, ...node.dataset, picked: pickedIn(scope), value: value ?? (typed ? typed.value : '') });
  }

  function retitle(scope) {
    const count = pickedIn(scope).length;
    scope.querySelectorAll('[data-some]').forEach((node) => {
      const words = `${count.toLocaleString('en')} ${count === 1 ? 'picture' : 'pictures'}`;
      node.textContent = count ? node.dataset.some.replace('{}', words) : node.dataset.whole;
      node.disabled = !count && !node.dataset.whole.includes('all');
    });
  }

  function pick(tile, range) {
    const scope = scopeOf(tile);
    const tiles = [...scope.querySelectorAll('[data-pick]')];
    if (tile.closest('[data-one]')) tiles.forEach((each) => each.setAttribute('aria-pressed', String(each === tile)));
    else {
      const state = tile.getAttribute('aria-pressed') !== 'true';
      const [from, to] = [tiles.indexOf(range && lastPick ? lastPick : tile), tiles.indexOf(tile)];
      tiles.slice(Math.max(0, Math.min(from, to)), Math.max(from, to) + 1).forEach((each) => each.setAttribute('aria-pressed', String(state)));
      lastPick = tile;
    }
    retitle(scope);
  }

  element.addEventListener('click', (event) => {
    const tile = event.target.closest('[data-pick]');
    if (tile) return pick(tile, event.shiftKey);
    const link = event.target.closest('a[data-go]');
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      history.replaceState(history.state, '', link.href);
      return trigger('press', { press: 'go' });
    }
    const pressed = event.target.closest('button[data-press]');
    return pressed ? send(pressed) : undefined;
  });
  element.addEventListener('change', (event) => {
    const choice = event.target.closest('select[data-press]');
    if (!choice || !choice.value) return;
    send(choice, choice.value);
    choice.selectedIndex = 0;
  });
  element.addEventListener('keydown', (event) => {
    const field = event.target.closest('input[data-typed]');
    const button = field && event.key === 'Enter' && scopeOf(field).querySelector('button[data-typed-by]');
    if (button) send(button);
  });
}
