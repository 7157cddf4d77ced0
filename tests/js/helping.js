// What the tests of the board share: pictures as the server sends them, a model with a page of them, and a server that answers by hand.
import { createModel } from '../../workbench/ui/static/label/model.js';

export function picture(id, more = {}) {
  return { id, file: `${id}.jpg`, sha: `sha${id}`, revision: 1, label: '', archived: false, suggestion: '', ...more };
}

export function pageOf(pictures, more = {}) {
  return {
    ...{ items: pictures, ahead: [], opened: [], classes: [{ name: 'Full', colour: '#111' }, { name: 'Half', colour: '#222' }], tags: [] },
    ...{ filter: { status: '', search: '' }, key: 'first', next: '', offset: 0, page: 1, pages: 1, total: pictures.length },
    ...{ serial: 1, undo: null, redo: null, images: pictures.length, left: pictures.length, me: 'Ada', mode: '' },
    ...more,
  };
}

export function modelOf(pictures, more = {}) {
  const model = createModel();
  model.loadPage(pageOf(pictures, more));
  return model;
}

// An answer of `server.save` in which everything went well.
export function answerTo(orders, pictures, more = {}) {
  const results = orders.map((order) => ({ error: '', said: '', ids: (order.pictures || []).map(([id]) => id) }));
  return { results, items: pictures, serial: 2, undo: null, redo: null, images: 9, left: 0, me: 'Ada', ...more };
}

// A promise that the test itself fulfils.
export function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

// Until everything that waits only for promises has happened.
export const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
