// Times in the reader's own zone, with the day where it is not today.
export function mount({ element, watch }) {
  function localise() {
    for (const time of element.querySelectorAll('time[datetime]')) {
      const moment = new Date(time.dateTime);
      const today = moment.toDateString() === new Date().toDateString();
      const clock = { hour: '2-digit', minute: '2-digit', hour12: false };
      time.textContent = moment.toLocaleString('en', today ? clock : { day: 'numeric', month: 'short', ...clock });
      time.title = moment.toLocaleString('en');
    }
    const today = new Date().toISOString().slice(0, 10);
    for (const time of element.querySelectorAll('time[data-day]')) {
      const day = new Date(`${time.dataset.day}T12:00:00Z`);
      time.textContent = time.dataset.day === today ? 'today' : day.toLocaleDateString('en', { day: 'numeric', month: 'short' });
    }
  }
  watch('value', localise);
  localise();
}
