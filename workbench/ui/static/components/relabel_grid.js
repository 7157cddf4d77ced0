// Relabelling by the select below a picture, and a larger view of it.
export function mount({ element, trigger }) {
  element.addEventListener('change', (event) => {
    const choice = event.target.closest('select[data-image]');
    if (!choice || !choice.value) return;
    const { image, revision } = choice.dataset;
    trigger('relabel', { image: Number(image), revision: Number(revision), label: choice.value });
    choice.selectedIndex = 0;
  });
  element.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-look]');
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const dialog = document.createElement('dialog');
    dialog.className = 'look';
    dialog.setAttribute('aria-label', link.querySelector('img').alt);
    const picture = new Image();
    picture.src = link.href;
    picture.alt = link.querySelector('img').alt;
    const close = document.createElement('button');
    close.className = 'plain';
    close.textContent = 'Close';
    dialog.append(picture, close);
    dialog.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => dialog.remove());
    document.querySelector('.gradio-container').append(dialog);
    dialog.showModal();
  });
}
