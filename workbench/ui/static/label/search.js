// The search field asks once the typing pauses; Enter asks at once.
function listenForSearch(field, model) {
  let waiting = 0;

  function search() {
    clearTimeout(waiting);
    if (field.value !== model.filter().search) trigger('search', { text: field.value });
  }

  field.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 250);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') search();
    if (['Enter', 'Escape'].includes(event.key)) field.blur();
  });
}
