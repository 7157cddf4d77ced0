// What every camera of the page shares: starting, stopping, and an honest reason where it does not start.
const reasons = (instead) => ({
  NotAllowedError: 'The browser does not let this page use the camera. Allow it beside the address, then start again.',
  NotFoundError: `This device has no camera. ${instead}`,
  NotReadableError: 'The camera is in use by another program. Close that one, then start again.',
  Silent: 'The server did not answer, so the camera was stopped. Start it again in a moment.',
  Unsafe: 'The browser gives the camera only to pages with an https address, or on this very machine.',
});

export const pause = (time) => new Promise((done) => setTimeout(done, time));
export const problem = (name) => Object.assign(new Error(), { name });

// `use(stream)` says what is done with what the camera sees, until it gives up or the camera stops.
export function createCamera(element, use) {
  const [video, lens, note] = ['video', '.lens', '.problem'].map((part) => element.querySelector(part));
  const { instead } = element.querySelector('.camera').dataset;
  const canvas = document.createElement('canvas');
  let stream = null;

  const visible = () => element.isConnected && element.offsetParent !== null;

  function show() {
    element.classList.toggle('on', Boolean(stream));
    lens.textContent = stream ? 'Stop the camera' : 'Start the camera';
    element.dispatchEvent(new Event('switched'));
  }

  function stop() {
    for (const track of stream ? stream.getTracks() : []) track.stop();
    stream = video.srcObject = null;
    show();
  }

  async function start() {
    note.textContent = '';
    try {
      if (!navigator.mediaDevices) throw problem('Unsafe');
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: 'environment' } } });
      video.srcObject = stream;
      await video.play();
      show();
      const mine = stream;
      await use(mine);
      // Nobody looks any more: the light beside the lens must go out.
      if (stream === mine) stop();
    } catch (error) {
      stop();
      note.textContent = reasons(instead)[error.name] || `The camera could not be started. ${instead}`;
    }
  }

  // What the camera sees now, on the canvas, at most `side` pixels long.
  function frame(side) {
    const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  lens.addEventListener('click', () => (stream ? stop() : start()));

  return {
    start,
    frame,
    visible,
    get stream() {
      return stream;
    },
  };
}
