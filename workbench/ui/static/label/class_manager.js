// The class manager: a row for each class, with what is rarely needed behind its three dots.
import { node } from './dom.js';
import { countPictures } from './format.js';

export function mount({ element, props, trigger, server, watch }) {
  const list = element.querySelector('ul');
  const status = element.querySelector('.classes-said');
  const form = element.querySelector('form');
  let open = '';
  let classes = [];

  async function change(what, name, to = '') {
    const answer = (await server.change_class({ what, name, to })) || { error: 'The server did not answer. Try again.' };
    status.textContent = answer.error || answer.said;
    status.classList.toggle('error', Boolean(answer.error));
    if (answer.error) return render();
    open = '';
    if (what === 'add') form.reset();
    trigger('changed', {});
  }

  function row(each, place) {
    const item = node('li');
    item.dataset.name = each.name;
    const line = node('div', { className: 'class-row' });
    line.append(colourInput(each), nameInput(each), countText(each, place), moreButton(each));
    item.append(line);
    if (open === each.name) item.append(more(each));
    return item;
  }

  function colourInput(each) {
    const input = node('input', { type: 'color', value: each.colour.toLowerCase(), title: `Colour of ${each.name}` });
    input.setAttribute('aria-label', `Colour of ${each.name}`);
    input.addEventListener('change', () => change('recolour', each.name, input.value));
    return input;
  }

  function nameInput(each) {
    const input = node('input', { type: 'text', value: each.name, title: 'Type another name and press Enter to rename', className: 'class-rename' });
    input.setAttribute('aria-label', `Name of ${each.name}`);
    const rename = () => input.value !== each.name && change('rename', each.name, input.value);
    input.addEventListener('change', rename);
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') input.blur();
      if (event.key === 'Escape') {
        input.value = each.name;
        input.blur();
      }
    });
    return input;
  }

  function countText(each, place) {
    const text = node('span', { className: 'class-count', textContent: each.count.toLocaleString('en') });
    text.title = place < 9 ? `${countPictures(each.count)}, key ${place + 1}` : countPictures(each.count);
    return text;
  }

  function moreButton(each) {
    const button = node('button', { type: 'button', className: 'quiet class-more', textContent: '\u22EF' });
    button.setAttribute('aria-label', `Merge or remove ${each.name}`);
    button.setAttribute('aria-expanded', open === each.name);
    button.addEventListener('click', () => {
      open = open === each.name ? '' : each.name;
      render();
      list.querySelector(`li[data-name="${CSS.escape(each.name)}"] .class-more`).focus();
    });
    return button;
  }

  function more(each) {
    const panel = node('div', { className: 'class-panel' });
    const others = classes.filter((other) => other.name !== each.name);
    if (others.length) panel.append(mergeLine(each, others));
    const consequence = each.count ? `${countPictures(each.count)} ${each.count === 1 ? 'becomes' : 'become'} unlabelled` : 'no picture has it';
    const remove = node('button', { type: 'button', className: 'class-remove', textContent: `Remove ${each.name}: ${consequence}` });
    remove.addEventListener('click', () => change('remove', each.name));
    panel.append(remove);
    return panel;
  }

  function mergeLine(each, others) {
    const line = node('div', { className: 'merge-line' });
    const into = node('select');
    into.setAttribute('aria-label', `Merge ${each.name} into`);
    into.append(...others.map((other) => node('option', { value: other.name, textContent: other.name })));
    const button = node('button', { type: 'button', className: 'class-merge' });
    const name = () => (button.textContent = `Move ${countPictures(each.count)} into ${into.value} and remove ${each.name}`);
    into.addEventListener('change', name);
    button.addEventListener('click', () => change('merge', each.name, into.value));
    name();
    line.append(node('span', { textContent: 'Merge into' }), into, button);
    return line;
  }

  function render() {
    list.replaceChildren(...classes.map(row));
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    change('add', form.elements.name.value);
  });

  function read() {
    classes = JSON.parse(JSON.stringify(props.value || []));
    render();
  }
  watch('value', read);
  read();
}
