// Frames go to the server one at a time: the next is taken when the last is answered, at most every 0.4 s.
import { createCamera, pause, problem } from './camera.js';

const PAUSE = 400;
const SIDE = 512;

export function mount({ element, props, server }) {
  const answer = element.querySelector('.camera-answer');
  const camera = createCamera(element, use);

  async function use(mine) {
    while (camera.stream === mine && camera.visible()) {
      const begun = performance.now();
      if (document.visibilityState === 'visible') await show(mine);
      await pause(Math.max(50, PAUSE - (performance.now() - begun)));
    }
  }

  async function show(mine) {
    const picture = camera.frame(SIDE).toDataURL('image/jpeg', 0.85);
    const html = await server.predict_unlogged({ picture, model: props.model }).catch(() => null);
    if (typeof html !== 'string') throw problem('Silent');
    if (camera.stream === mine) answer.innerHTML = html;
  }

  // The component comes into the page when its section is opened, and that is what one opens it for.
  camera.start();
}
