// What is shown stands in the address, so that a reload or a link lands there.
const PAUSE_MS = 500;

export function createAddressWriter({ element, model }) {
  let timer = 0;
  let writtenAt = 0;

  function write() {
    timer = 0;
    writtenAt = Date.now();
    const url = new URL(location);
    if (element.offsetParent === null || url.searchParams.get('tab') !== 'label') return;
    const { address } = model.page;
    const picture = model.mode === 'stage' && model.current !== null && !model.leased() ? String(model.current) : '';
    const view = model.mode === 'stage' && model.leased() ? 'stage' : '';
    for (const [name, value] of Object.entries({ ...address, view, picture })) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    if (url.href !== location.href) history.replaceState(history.state, '', url);
  }

  // Browsers refuse an address that changes with every key.
  return () => {
    if (!timer) timer = setTimeout(write, Math.max(0, writtenAt + PAUSE_MS - Date.now()));
  };
}
