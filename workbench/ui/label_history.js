// Times in the reader's own zone, with the day where it is not today.
function localise() {
  for (const time of element.querySelectorAll('time')) {
    const moment = new Date(time.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    const clock = { hour: '2-digit', minute: '2-digit', hour12: false };
    time.textContent = moment.toLocaleString('en', today ? clock : { day: 'numeric', month: 'short', ...clock });
    time.title = moment.toLocaleString('en');
  }
}
watch('value', localise);
localise();
