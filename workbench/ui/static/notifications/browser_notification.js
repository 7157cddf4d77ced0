// Whether this browser says when a run ends is kept in the browser, since it is asked for in each one.
const KEY = 'waterline_notify';

export function mount({ element }) {
  const button = element.querySelector('button');
  const note = element.querySelector('.note');
  const show = (why = '') => {
    const possible = 'Notification' in window && window.isSecureContext;
    const on = possible && Notification.permission === 'granted' && localStorage.getItem(KEY) === 'on';
    button.disabled = !possible;
    button.setAttribute('aria-pressed', String(on));
    button.textContent = on ? 'Do not notify me any more' : 'Notify me when a run ends';
    note.textContent = possible ? why : 'A browser does so only over HTTPS, or on the machine that Waterline runs on.';
  };
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-pressed') === 'true') {
      localStorage.setItem(KEY, 'off');
      return show();
    }
    const answer = await Notification.requestPermission();
    if (answer === 'granted') localStorage.setItem(KEY, 'on');
    show(answer === 'granted' ? '' : 'The browser does not allow it; its settings for this page do.');
  });
  show();
}
