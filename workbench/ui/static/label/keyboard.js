// Which key gives which command of the board, when a key is none, and the calls while the board is in the page and shown.
const KEYMAP = {
  0: 'clear-class',
  x: 'clear-class',
  s: 'skip',
  a: 'toggle-bin',
  d: 'dismiss',
  u: 'undo',
  U: 'redo',
  t: 'tag',
  n: 'notes',
  '/': 'search',
  '?': 'help',
  Escape: 'back',
  Enter: 'confirm',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

// Gives { name } or, for the keys 1 to 9, { name: 'class', number }; null for a key that is not ours.
export function commandFor(key, shift) {
  if (/^[1-9]$/.test(key)) return { name: 'class', number: Number(key) };
  const pressed = key.length === 1 ? (shift ? key.toUpperCase() : key.toLowerCase()) : key;
  return Object.hasOwn(KEYMAP, pressed) ? { name: KEYMAP[pressed] } : null;
}

const isWithin = (target, selector) => Boolean(target.closest && target.closest(selector));
const isTyping = ({ target }) => isWithin(target, 'input, textarea, select, [contenteditable="true"]');
const isPressingButton = ({ key, target }) => ['Enter', ' '].includes(key) && isWithin(target, 'button:not(.cell), a, summary');
const hasModifier = ({ ctrlKey, altKey, metaKey }) => ctrlKey || altKey || metaKey;

// Keys are left alone while somebody types, with a modifier, on repeat, and where they press a button.
export function isShortcut(event) {
  return !(event.repeat || hasModifier(event) || event.isComposing || isTyping(event) || isPressingButton(event));
}

// `bindings` has a function for the name of each command; one that gives false leaves its key to the browser.
export function listenForKeys({ element, bindings, isBlocked }) {
  function onKey(event) {
    if (!element.isConnected) {
      document.removeEventListener('keydown', onKey);
      return;
    }
    if (element.offsetParent === null || !isShortcut(event)) return;
    const command = commandFor(event.key, event.shiftKey);
    if (!command || isBlocked(command.name)) return;
    if (bindings[command.name](command.number) !== false) event.preventDefault();
  }

  document.addEventListener('keydown', onKey);
}
