// Goes along the sequence of the stage. Over pictures that wait for an answer the server leases them out.
import { tryCall } from './retry.js';

const LEASE_COUNT = 40;
const MOST_LEASED = 100;
const FEW_LEASED = 25;
const FEW_ON_PAGE = 30;
const RENEW_MS = 15_000;
const PAGE_TIMEOUT_MS = 3000;

export function createNavigation({ model, server, trigger, element, tabId, actions }) {
  let leasing = false;
  let exhausted = false;
  let pageAskedAt = 0;
  let pageDirection = '';

  const remaining = () => model.sequence.length - 1 - (model.current === null ? model.sequence.length - 1 : model.position());

  async function refill() {
    if (leasing || !model.leased()) return undefined;
    leasing = true;
    const key = JSON.stringify(model.page.key);
    const count = Math.min(LEASE_COUNT + model.pendingCount(), MOST_LEASED);
    const answer = await tryCall(() => server.hand_out({ holder: tabId, filter: model.filter(), count }));
    leasing = false;
    if (!answer || answer.error) return actions.showMessage((answer && answer.error) || 'The server does not answer. Trying again …', true);
    if (!model.leased() || key !== JSON.stringify(model.page.key)) return refill();
    return addLeased(answer.items, count);
  }

  function addLeased(pictures, wanted) {
    const added = model.appendLeased(pictures);
    exhausted = !added.length && pictures.length < wanted;
    if (model.current === null && added.length) Object.assign(model, { current: added[0], emptyReason: '' });
    else if (model.current === null) model.emptyReason = 'ended';
    actions.render();
  }

  function step(by) {
    if (model.current === null) return by < 0 && model.sequence.length ? goTo(model.sequence.at(-1)) : undefined;
    const place = model.position() + by;
    if (place < 0 && !model.leased() && model.page.page > 1) return turnPage('previous');
    if (place < 0) return actions.showMessage('This is the first picture.');
    if (place >= model.sequence.length) return goPastLast();
    goTo(model.sequence[place]);
    if (model.leased() && remaining() < FEW_LEASED && !exhausted) refill();
    else if (!model.leased() && remaining() < FEW_ON_PAGE && model.page.next) turnPage('next');
    return undefined;
  }

  // Past the last picture the stage is empty, so that a late key cannot change the one before.
  function goPastLast() {
    const more = model.leased() ? !exhausted : Boolean(model.page.next);
    model.current = null;
    model.emptyReason = more ? 'waiting' : 'ended';
    if (model.leased()) refill();
    else if (more) turnPage('next');
    actions.render();
  }

  function goTo(id) {
    model.goTo(id);
    actions.render();
  }

  function turnPage(direction) {
    const possible = direction === 'next' ? model.page.next : model.page.page > 1;
    if (!possible || Date.now() - pageAskedAt < PAGE_TIMEOUT_MS) return;
    pageAskedAt = Date.now();
    pageDirection = direction;
    trigger('turn', { cursor: direction === 'next' ? model.page.next : '' });
  }

  // Gives the direction that was turned, where this page is the answer to it.
  function loadPage(value) {
    const turned = pageAskedAt > 0 && pageDirection;
    const before = { place: model.position(), length: model.sequence.length, waited: model.emptyReason === 'waiting' };
    pageAskedAt = 0;
    pageDirection = '';
    model.loadPage(value);
    if (turned) landOnPage(turned, before);
    if (model.leased() && remaining() < FEW_LEASED) {
      exhausted = false;
      refill();
    }
    return turned;
  }

  function landOnPage(turned, { place, length, waited }) {
    if (turned === 'previous' && model.mode === 'stage' && place === 0 && model.position() > 0) {
      model.current = model.sequence[model.position() - 1];
    }
    if (turned !== 'next' || !waited || model.leased()) return;
    if (model.sequence.length > length) Object.assign(model, { current: model.sequence[length], emptyReason: '' });
    else model.emptyReason = 'ended';
  }

  function enterStage(id) {
    model.mode = 'stage';
    if (model.leased()) {
      exhausted = false;
      Object.assign(model, { sequence: id === null ? [] : [id], current: id, emptyReason: id === null ? 'waiting' : '' });
      refill();
    } else if (id !== null) {
      goTo(id);
    } else if (model.current === null) {
      Object.assign(model, { current: model.sequence[0] ?? null, emptyReason: model.sequence.length ? '' : 'ended' });
    }
  }

  function releaseLeases() {
    tryCall(() => server.hand_out({ holder: tabId, count: 0 }));
  }

  // What is leased stays so while it is looked at, and what others gave back is asked for.
  const renewal = setInterval(() => {
    if (!element.isConnected) clearInterval(renewal);
    else if (element.offsetParent !== null && !document.hidden) refill();
  }, RENEW_MS);

  return { step, turnPage, loadPage, enterStage, releaseLeases, goTo };
}
