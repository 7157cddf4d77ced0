// What was there when the page came is no news. Timers of the page rest while it is hidden, so this asks by itself then.
const EVERY = 5000;

export function mount({ props, trigger, server, watch }) {
  let known = null;
  const arrived = (runs) => {
    const fresh = known === null ? [] : runs.filter((each) => each.words && known.get(each.run) !== each.status);
    known = new Map([...(known ?? []), ...runs.map((each) => [each.run, each.status])]);
    for (const each of fresh) {
      if (!document.hidden) trigger('announce', { run: each.run });
      else notify(each.words);
    }
  };
  const wanted = () => 'Notification' in window && Notification.permission === 'granted' && localStorage.getItem('waterline_notify') === 'on';
  const notify = (words) => {
    if (!wanted()) return;
    const shown = new Notification('Waterline', { body: words });
    shown.onclick = () => window.focus();
  };
  const ask = async () => {
    if (!document.hidden || !wanted()) return;
    const runs = await server.latest().catch(() => null);
    if (runs) arrived(runs);
  };
  setInterval(ask, EVERY);
  const read = () => props.value && arrived(JSON.parse(JSON.stringify(props.value)));
  watch('value', read);
  read();
}
