// Frames go to the server one at a time: the next is taken when the last is answered, at most every 0.4 s.
const PAUSE = 400, SIDE = 512;
const answer = element.querySelector('.camera-answer');

async function use(mine) {
  while (stream === mine && visible()) {
    const begun = performance.now();
    if (document.visibilityState === 'visible') {
      const picture = frame(SIDE).toDataURL('image/jpeg', 0.85);
      const html = await server.predict_unlogged({ picture, model: props.model }).catch(() => null);
      if (typeof html !== 'string') throw problem('Silent');
      if (stream === mine) answer.innerHTML = html;
    }
    await pause(Math.max(50, PAUSE - (performance.now() - begun)));
  }
}

// The component comes into the page when its section is opened, and that is what one opens it for.
start();
