// A burst: while the button (or space) is held, a picture is taken every PERIOD; they wait here until they are added or
// thrown away. One is encoded at a time, and they go to the server one after another, so nothing piles up.
import { createCamera, pause, problem } from './camera.js';

const PERIOD = 160, SIDE = 640, MOST = 300;

const pictures = (n) => (n === 1 ? '1 picture' : `${n.toLocaleString('en')} pictures`);
const stamp = () => new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');

export function mount({ element, props, trigger, upload, watch }) {
  const [record, strip, count, keep, drop, label, options] = ['.record', '.frames', '.count', '.keep', '.drop', 'input', 'datalist']
    .map((part) => element.querySelector(part));
  const list = options.id = `classes-${Math.random().toString(36).slice(2)}`;
  label.setAttribute('list', list);
  const camera = createCamera(element, use);
  let taken = [], held = false, taking = false, sending = false, serial = 0;

  async function use(mine) {
    while (camera.stream === mine && camera.visible()) {
      if (document.visibilityState !== 'visible') release();
      const begun = performance.now();
      if (held && !sending) await take();
      await pause(Math.max(20, (held ? PERIOD : 40) - (performance.now() - begun)));
    }
    release();
  }

  async function take() {
    taking = true; // one that is still encoded when the button is let go counts too
    const blob = await new Promise((done) => camera.frame(SIDE).toBlob(done, 'image/jpeg', 0.92)).finally(() => { taking = false; });
    if (!blob) throw problem('Broken');
    serial += 1;
    add({ file: new File([blob], `camera-${stamp()}-${String(serial).padStart(3, '0')}.jpg`, { type: 'image/jpeg' }) });
    if (taken.length >= MOST) release();
  }

  function add(one) {
    one.node = document.createElement('button');
    one.node.type = 'button';
    one.node.title = one.node.ariaLabel = 'Leave this picture out';
    const image = document.createElement('img');
    image.alt = `Picture ${serial} of the camera`;
    image.src = one.address = URL.createObjectURL(one.file);
    one.node.append(image);
    one.node.addEventListener('click', () => !sending && remove(one));
    taken.push(one);
    strip.append(one.node);
    strip.scrollTop = strip.scrollHeight;
    tell();
  }

  function remove(one) {
    URL.revokeObjectURL(one.address);
    one.node.remove();
    taken = taken.filter((each) => each !== one);
    tell();
  }

  function tell(text) {
    const many = taken.length, name = label.value.trim();
    element.classList.toggle('some', many > 0);
    record.disabled = !camera.stream || sending || many >= MOST;
    record.textContent = held || taking ? 'Recording' : 'Hold to record';
    record.classList.toggle('held', held);
    keep.textContent = `Add ${pictures(many)} ${name ? `to ${name}` : 'without a class'}`;
    keep.disabled = drop.disabled = !many || sending;
    count.textContent = text || (many >= MOST ? `${pictures(many)}: that is the most at once. Add them, then go on.` : many ? `${pictures(many)}. Press one to leave it out.` : '');
  }

  function hold(event) {
    if (!camera.stream || sending || taken.length >= MOST) return;
    if (event.pointerId !== undefined) record.setPointerCapture(event.pointerId);
    held = true;
    tell();
  }

  function release() {
    if (!held) return;
    held = false;
    tell();
  }

  async function send() {
    sending = true;
    const files = [], all = [...taken];
    try {
      for (const one of all) {
        tell(`Sending ${files.length + 1} of ${all.length}`);
        const { path } = await upload(one.file);
        files.push({ path, orig_name: one.file.name });
      }
    } catch {
      sending = false;
      return tell('The server did not take the pictures. They are still here: add them again in a moment.');
    }
    trigger('keep', { files, label: label.value.trim() });
  }

  // The answer of the server: the number of what it took in, or that it did not.
  function answered() {
    sending = false;
    if (!props.answer.taken) return tell(props.answer.problem);
    for (const one of [...taken]) remove(one);
    tell(`${pictures(props.answer.taken)} on the way${props.answer.label ? ` to ${props.answer.label}` : ''}.`);
  }

  function offer() {
    if (!props.classes) return; // an update of another prop
    options.replaceChildren(...props.classes.map((name) => Object.assign(document.createElement('option'), { value: name })));
  }

  const elsewhere = (target) => !camera.visible() || target.closest('input,textarea,select,[contenteditable=true]') || (target.closest('button,summary,a') && target !== record);
  function key(event) {
    if (!element.isConnected) {
      document.removeEventListener('keydown', key);
      document.removeEventListener('keyup', key);
    } else if (event.code === 'Space' && !elsewhere(event.target) && camera.stream) {
      event.preventDefault();
      if (event.type === 'keyup') release();
      else if (!event.repeat) hold(event);
    }
  }

  record.addEventListener('pointerdown', hold);
  for (const name of ['pointerup', 'pointercancel', 'lostpointercapture', 'blur']) record.addEventListener(name, release);
  record.addEventListener('contextmenu', (event) => event.preventDefault());
  for (const name of ['keydown', 'keyup']) document.addEventListener(name, key);
  window.addEventListener('blur', release);
  label.addEventListener('input', () => tell());
  keep.addEventListener('click', send);
  drop.addEventListener('click', () => { for (const one of [...taken]) remove(one); });
  element.addEventListener('switched', () => tell());
  watch('classes', offer);
  watch('answer', answered);
  offer();
  tell();
  camera.start();
}
