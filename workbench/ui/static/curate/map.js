// The map: hovering shows the picture, a lasso or box chooses pictures, and the zoom is told so that it outlives a new figure.
export function mount({ trigger }) {
  const area = document.getElementById('curate-map');
  const card = Object.assign(document.createElement('div'), { className: 'curate-hover' });

  function hover({ points, event }) {
    const [, sha, name] = points[0].customdata;
    const picture = Object.assign(new Image(), { src: `/media/${sha}/thumbnail.jpg`, alt: '' });
    const words = Object.assign(document.createElement('span'), { textContent: `${name} · ${points[0].data.name}` });
    card.replaceChildren(picture, words);
    const left = Math.min(event.clientX + 16, innerWidth - 200);
    card.style.left = `${Math.max(8, left)}px`;
    card.style.top = `${Math.max(8, Math.min(event.clientY + 16, innerHeight - 220))}px`;
    card.classList.add('shown');
  }

  function choose(event) {
    if (!event || !event.points) return;
    trigger('press', { press: 'chosen', picked: event.points.map((point) => point.customdata[0]) });
  }

  function tellZoom(plot, change) {
    if (!Object.keys(change).some((name) => name.includes('axis'))) return;
    const whole = Object.keys(change).some((name) => name.endsWith('autorange'));
    const range = (axis) => (whole ? null : [...plot.layout[axis].range]);
    // At once, so that it is known before other colours are asked for.
    trigger('press', { press: 'zoom', x: range('xaxis'), y: range('yaxis') });
  }

  function listen() {
    const plot = area.querySelector('.js-plotly-plot');
    if (!plot || plot.dataset.listens || typeof plot.on !== 'function') return;
    plot.dataset.listens = 'yes';
    plot.on('plotly_hover', hover);
    plot.on('plotly_unhover', () => card.classList.remove('shown'));
    plot.on('plotly_selected', choose);
    plot.on('plotly_click', choose);
    plot.on('plotly_relayout', (change) => tellZoom(plot, change));
  }

  area.append(card);
  new MutationObserver(listen).observe(area, { childList: true, subtree: true });
  listen();
}
