// Walking along the line of the stage. Over pictures that wait for an answer the server hands them out.
// A tab that is duplicated copies the session storage: the name lies there only while the tab is reloaded, so no two have the same.
const HOLDER = (() => {
  const key = 'waterline-holder';
  const known = sessionStorage.getItem(key);
  const holder = known || Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  sessionStorage.removeItem(key);
  window.addEventListener('pagehide', () => sessionStorage.setItem(key, holder));
  window.addEventListener('pageshow', () => sessionStorage.removeItem(key));
  return holder;
})();
const HANDED = 40;
const FEW = 25;
const AGAIN_MS = 15_000;

function stageWalk(model, act) {
  let asking = false;
  let exhausted = false;
  let turning = 0;
  let landing = '';

  const ahead = () => model.line.length - 1 - (model.current === null ? model.line.length - 1 : model.index());

  async function refill() {
    if (asking || !model.handed()) return;
    asking = true;
    const key = JSON.stringify(model.page.key);
    const wanted = { holder: HOLDER, filter: model.filter(), count: Math.min(HANDED + model.waiting(), 100) };
    const answer = await asked(() => server.hand_out(wanted));
    asking = false;
    if (!answer || answer.error) return act.say((answer && answer.error) || 'The server does not answer. Trying again …', true);
    if (!model.handed() || key !== JSON.stringify(model.page.key)) return refill();
    const fresh = model.hand(answer.items);
    exhausted = !fresh.length && answer.items.length < wanted.count;
    if (model.current === null && fresh.length) Object.assign(model, { current: fresh[0], over: '' });
    else if (model.current === null) model.over = 'ended';
    act.render();
  }

  function step(by) {
    if (model.current === null && by < 0) return model.line.length ? stand(model.line[model.line.length - 1]) : undefined;
    if (model.current === null) return undefined;
    const place = model.index() + by;
    if (place < 0 && !model.handed() && model.page.page > 1) return turn('previous');
    if (place < 0) return act.say('This is the first picture.');
    if (place >= model.line.length) return beyond();
    stand(model.line[place]);
    if (model.handed() && ahead() < FEW && !exhausted) refill();
    else if (!model.handed() && ahead() < 30 && model.page.next) turn('next');
    return undefined;
  }

  // Past the last picture the stage is empty, so that a late key cannot change the one before.
  function beyond() {
    const more = model.handed() ? !exhausted : Boolean(model.page.next);
    model.current = null;
    model.over = more ? 'waiting' : 'ended';
    if (model.handed()) refill();
    else if (more) turn('next');
    act.render();
  }

  function stand(id) {
    model.stand(id);
    act.render();
  }

  function turn(direction) {
    const possible = direction === 'next' ? model.page.next : model.page.page > 1;
    if (!possible || Date.now() - turning < 3000) return;
    turning = Date.now();
    landing = direction;
    trigger('turn', { cursor: direction === 'next' ? model.page.next : '' });
  }

  // Gives the way that was turned, where this page is the answer to it.
  function arrived(value) {
    const turned = turning > 0 && landing;
    const [place, length, waited] = [model.index(), model.line.length, model.over === 'waiting'];
    turning = 0;
    landing = '';
    model.accept(value);
    if (turned === 'previous' && model.mode === 'stage' && place === 0 && model.index() > 0) model.current = model.line[model.index() - 1];
    if (turned === 'next' && waited && !model.handed()) {
      Object.assign(model, model.line.length > length ? { current: model.line[length], over: '' } : { over: 'ended' });
    }
    if (model.handed() && ahead() < FEW) {
      exhausted = false;
      refill();
    }
    return turned;
  }

  function enter(id) {
    model.mode = 'stage';
    if (model.handed()) {
      exhausted = false;
      Object.assign(model, { line: id === null ? [] : [id], current: id, over: id === null ? 'waiting' : '' });
      refill();
    } else if (id !== null) {
      stand(id);
    } else if (model.current === null) {
      Object.assign(model, { current: model.line[0] ?? null, over: model.line.length ? '' : 'ended' });
    }
  }

  function release() {
    asked(() => server.hand_out({ holder: HOLDER, count: 0 }));
  }

  // What is held stays held while it is looked at, and what others gave back is asked for.
  const beat = setInterval(() => {
    if (!element.isConnected) clearInterval(beat);
    else if (element.offsetParent !== null && !document.hidden) refill();
  }, AGAIN_MS);

  return { step, turn, arrived, enter, release, stand };
}
