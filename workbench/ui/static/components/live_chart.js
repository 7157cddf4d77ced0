// Plotly.react changes the figure in place, so that a zoom stays and nothing flickers when an epoch comes.
// Nothing leaves the machine: without these, Plotly offers to upload a chart.
const CONFIG = { displaylogo: false, showSendToCloud: false, plotlyServerURL: '' };
let loading = null;

function loadLibrary(address) {
  loading ??= new Promise((resolve, reject) => {
    const tag = document.createElement('script');
    tag.src = address;
    tag.onload = resolve;
    tag.onerror = () => {
      loading = null;
      reject(new Error('The chart library did not load.'));
    };
    document.head.append(tag);
  });
  return loading;
}

export function mount({ element, props, watch }) {
  const curves = element.querySelector('.curves');
  let drawing = false;
  let stale = false;

  async function react() {
    await loadLibrary(curves.dataset.library);
    const figure = JSON.parse(JSON.stringify(props.value));
    await window.Plotly.react(element.querySelector('.curves'), figure.data, figure.layout, CONFIG);
  }

  // A slow machine draws the latest figure, not every one on the way to it.
  async function draw() {
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
  }

  new ResizeObserver(() => {
    const figure = element.querySelector('.js-plotly-plot');
    if (figure?.offsetWidth) window.Plotly.Plots.resize(figure);
  }).observe(element);
  watch('value', draw);
  draw();
}
