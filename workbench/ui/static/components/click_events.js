// A press on anything with data-press inside the component becomes the event "press" with its data attributes.
export function mount({ element, trigger }) {
  element.addEventListener('click', (event) => {
    const pressed = event.target.closest('[data-press]');
    if (pressed && element.contains(pressed)) trigger('press', { ...pressed.dataset });
  });
}
