// The value is the JSON of all weights, so that it goes along with a press on any button at once.
export function mount({ element, props, trigger }) {
  element.addEventListener('input', () => {
    const fields = [...element.querySelectorAll('input[data-class]')];
    props.value = JSON.stringify(
      Object.fromEntries(fields.map((field) => [field.dataset.class, field.value === '' ? null : Number(field.value)])),
    );
    trigger('weighed');
  });
}
