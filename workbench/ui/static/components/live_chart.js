// Plotly.react changes the figure in place, so that a zoom stays and nothing flickers when an epoch comes.
const load = () => {
  window.plotlyLoading ??= new Promise((resolve, reject) => {
    const tag = document.createElement('script');
    tag.src = 'LIBRARY';
    tag.onload = resolve;
    tag.onerror = () => {
      window.plotlyLoading = undefined;
      reject(new Error('The chart library did not load.'));
    };
    document.head.append(tag);
  });
  return window.plotlyLoading;
};
const react = async () => {
  await load();
  const figure = JSON.parse(JSON.stringify(props.value));
  await window.Plotly.react(element.querySelector('.curves'), figure.data, figure.layout, { displaylogo: false });
};
// A slow machine draws the latest figure, not every one on the way to it.
let drawing = false;
let stale = false;
const draw = async () => {
  stale = true;
  if (drawing || !props.value) return;
  drawing = true;
  try {
    while (stale) {
      stale = false;
      await react();
      await new Promise(requestAnimationFrame);
    }
  } finally {
    drawing = false;
  }
};
new ResizeObserver(() => {
  const figure = element.querySelector('.js-plotly-plot');
  if (figure?.offsetWidth) window.Plotly.Plots.resize(figure);
}).observe(element);
watch('value', draw);
draw();
