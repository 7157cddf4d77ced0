// What is shown stands in the address, so that a reload or a link lands there.
function boardAddress(model) {
  let writing = 0;
  let written = 0;

  function write() {
    writing = 0;
    written = Date.now();
    const url = new URL(location);
    if (element.offsetParent === null || url.searchParams.get('tab') !== 'label') return;
    const { address } = model.page;
    const picture = model.mode === 'stage' && model.current !== null && !model.handed() ? String(model.current) : '';
    const view = model.mode === 'stage' && model.handed() ? 'stage' : '';
    for (const [name, value] of Object.entries({ ...address, view, picture })) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    if (url.href !== location.href) history.replaceState(history.state, '', url);
  }

  // Browsers refuse an address that changes with every key.
  return () => {
    if (!writing) writing = setTimeout(write, Math.max(0, written + 500 - Date.now()));
  };
}
