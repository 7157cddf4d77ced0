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
const draw = async () => {
  if (!props.value) return;
  await load();
  const figure = JSON.parse(JSON.stringify(props.value));
  await window.Plotly.react(element.querySelector('.curves'), figure.data, figure.layout, { displaylogo: false });
};
new ResizeObserver(() => {
  const figure = element.querySelector('.js-plotly-plot');
  if (figure?.offsetWidth) window.Plotly.Plots.resize(figure);
}).observe(element);
watch('value', draw);
draw();
