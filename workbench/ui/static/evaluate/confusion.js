// A cell of the heat map is pressed like its button. The plot is mounted anew with every figure.
export function mount({ trigger }) {
  const listen = () => {
    const plot = document.querySelector('#evaluate-confusion .js-plotly-plot');
    if (!plot || plot.dataset.pressable || typeof plot.on !== 'function') return;
    plot.dataset.pressable = 'yes';
    plot.on('plotly_click', ({ points }) => {
      const cell = points.map((point) => point.customdata).find(Array.isArray);
      if (cell) trigger('press', { press: 'cell', true: cell[0], predicted: cell[1] });
    });
  };
  new MutationObserver(listen).observe(document.getElementById('evaluate-cells-area'), { childList: true, subtree: true });
  listen();
}
