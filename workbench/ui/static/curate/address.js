// The section that is open stands in the address, so that a reload or a link lands there.
export function mount({ element }) {
  element.addEventListener('click', (event) => {
    const pressed = event.target.closest('[data-part]');
    if (!pressed) return;
    const url = new URL(location);
    url.searchParams.set('part', pressed.dataset.part);
    history.replaceState(history.state, '', url);
  });
}
