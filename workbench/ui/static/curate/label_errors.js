// Suspicious labels: rows go at once, answers follow in order; a row that was refused comes back with its sentence.
export function mount({ element, trigger, server }) {
  const sent = new Set();
  let current = '';
  let queue = Promise.resolve();
  let settling = 0;

  const rows = () => [...element.querySelectorAll('.doubt:not(.gone)')];
  const rowOf = (id) => element.querySelector(`.doubt[data-image="${id}"]`);

  function stand(row) {
    if (!row && !current) return;
    element.querySelectorAll('[aria-current]').forEach((each) => each.removeAttribute('aria-current'));
    current = row ? row.dataset.image : '';
    if (row) row.setAttribute('aria-current', 'true');
  }

  function step(way) {
    const all = rows();
    const place = all.findIndex((row) => row.dataset.image === current);
    const next = all[Math.max(0, Math.min(all.length - 1, place + way))];
    stand(next);
    if (next) next.scrollIntoView({ block: 'nearest' });
  }

  // Enter on the button that led here would press it again.
  function takeFocus() {
    if (document.activeElement.closest('#curate-nav')) element.querySelector('.doubts')?.focus({ preventScroll: true });
  }

  function say(row, words) {
    let note = row.querySelector('.problem');
    if (!note) row.lastElementChild.append((note = Object.assign(document.createElement('p'), { className: 'problem' })));
    note.textContent = words;
  }

  function judge(kind, row) {
    const { image, revision } = row.dataset;
    const following = rows()[rows().indexOf(row) + 1] || rows()[rows().indexOf(row) - 1];
    sent.add(image);
    row.classList.add('gone');
    stand(following);
    if (following) following.scrollIntoView({ block: 'nearest' });
    queue = queue.then(() => server.judge({ kind, id: Number(image), revision: Number(revision) }))
      .catch(() => ({ error: 'The server did not answer, so nothing was changed. Try again.' }))
      .then((answer) => settle(image, answer.error));
  }

  function settle(image, error) {
    sent.delete(image);
    const row = rowOf(image);
    if (error && row) {
      row.classList.remove('gone');
      say(row, error);
    }
    clearTimeout(settling);
    if (!sent.size && !error) settling = setTimeout(() => !sent.size && trigger('press', { press: 'settled' }), 500);
  }

  function pressed(event) {
    if (!element.isConnected) return document.removeEventListener('keydown', pressed);
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || element.offsetParent === null) return undefined;
    if (document.querySelector('dialog[open]')) return undefined;
    if (event.target.closest('input, textarea, select, [contenteditable=true], [role=tab]')) return undefined;
    if (event.key === 'Enter' && event.target.closest('button, a, summary')) return undefined;
    const row = rowOf(current);
    const acts = {
      Enter: () => row && judge('accept', row),
      d: () => row && judge('dismiss', row),
      o: () => row && row.querySelector('a[data-go]').click(),
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
    };
    if (!acts[event.key]) return undefined;
    event.preventDefault();
    return acts[event.key]();
  }

  element.addEventListener('click', (event) => {
    const row = event.target.closest('.doubt');
    if (!row || row.classList.contains('gone')) return;
    const button = event.target.closest('[data-judge]');
    if (button) judge(button.dataset.judge, row);
    else stand(row);
  });
  document.addEventListener('keydown', pressed);
  // A new list is laid over the old one in place, which takes away what was marked.
  function keep() {
    // Only what is not there yet: each mark is a change that is observed too.
    rows().filter((row) => sent.has(row.dataset.image)).forEach((row) => row.classList.add('gone'));
    const row = rowOf(current);
    if (!row || row.classList.contains('gone')) stand(rows()[0]);
    else if (!row.hasAttribute('aria-current')) stand(row);
    takeFocus();
  }

  const marks = { attributes: true, attributeFilter: ['aria-current', 'class', 'data-image'] };
  new MutationObserver(keep).observe(element, { childList: true, subtree: true, ...marks });
  keep();
}
