// Listens for keys as long as the board is in the page, and only while it is shown.
import { isShortcut } from './keymap.js';

// `press(key, shift)` gives whether the key was one of the board's.
export function listenForKeys(element, press) {
  function onKey(event) {
    if (!element.isConnected) {
      document.removeEventListener('keydown', onKey);
      return;
    }
    if (element.offsetParent === null || !isShortcut(event)) return;
    if (press(event.key, event.shiftKey)) event.preventDefault();
  }

  document.addEventListener('keydown', onKey);
}
