// Keys of the board. They are left alone while somebody types, with a modifier, on repeat, and while the tab is hidden.
function listenForKeys(element, keys) {
  const typing = (target) => target.closest && target.closest('input, textarea, select, [contenteditable="true"]');
  const pressing = (event) =>
    ['Enter', ' '].includes(event.key) && event.target.closest && event.target.closest('button:not(.cell), a, summary');

  function onKey(event) {
    if (!element.isConnected) {
      document.removeEventListener('keydown', onKey);
      return;
    }
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (element.offsetParent === null || typing(event.target) || pressing(event)) return;
    if (keys(event.key, event.shiftKey)) event.preventDefault();
  }

  document.addEventListener('keydown', onKey);
}
