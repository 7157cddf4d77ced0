// Frames go to the server one at a time: the next is taken when the last is answered, at most every 0.4 s.
const PAUSE = 400, SIDE = 512;
const [video, button, note, answer] = ['video', 'button', '.problem', '.camera-answer'].map((part) => element.querySelector(part));
const canvas = document.createElement('canvas');
const REASONS = {
  NotAllowedError: 'The browser does not let this page use the camera. Allow it beside the address, then start again.',
  NotFoundError: 'This device has no camera. Use the Picture section instead.',
  NotReadableError: 'The camera is in use by another program. Close that one, then start again.',
  Silent: 'The server did not answer, so the camera was stopped. Start it again in a moment.',
  Unsafe: 'The browser gives the camera only to pages with an https address, or on this very machine.',
};
const BROKEN = 'The camera could not be started. Use the Picture section instead.';
let stream = null;

const visible = () => element.isConnected && element.offsetParent !== null;
const pause = (time) => new Promise((done) => setTimeout(done, time));

function show() {
  element.classList.toggle('on', Boolean(stream));
  button.textContent = stream ? 'Stop the camera' : 'Start the camera';
}

function stop() {
  for (const track of stream ? stream.getTracks() : []) track.stop();
  stream = video.srcObject = null;
  show();
}

async function start() {
  note.textContent = '';
  try {
    if (!navigator.mediaDevices) throw Object.assign(new Error(), { name: 'Unsafe' });
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: 'environment' } } });
    video.srcObject = stream;
    await video.play();
    show();
    await watch(stream);
  } catch (error) {
    stop();
    note.textContent = REASONS[error.name] || BROKEN;
  }
}

async function watch(mine) {
  while (stream === mine && visible()) {
    const begun = performance.now();
    if (document.visibilityState === 'visible') {
      const html = await server.glance({ picture: frame(), model: props.model }).catch(() => null);
      if (typeof html !== 'string') throw Object.assign(new Error(), { name: 'Silent' });
      if (stream === mine) answer.innerHTML = html;
    }
    await pause(Math.max(50, PAUSE - (performance.now() - begun)));
  }
  // Nobody looks any more: the light beside the lens must go out.
  if (stream === mine) stop();
}

function frame() {
  const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.85);
}

button.addEventListener('click', () => (stream ? stop() : start()));
// The component comes into the page when its section is opened, and that is what one opens it for.
start();
