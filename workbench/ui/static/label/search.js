// The search field asks once the typing pauses; Enter asks at once.
const PAUSE_MS = 250;

export function listenForSearch({ field, model, trigger }) {
  let timer = 0;

  function search() {
    clearTimeout(timer);
    if (field.value !== model.filter().search) trigger('search', { text: field.value });
  }

  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') search();
    if (['Enter', 'Escape'].includes(event.key)) field.blur();
  });
}
