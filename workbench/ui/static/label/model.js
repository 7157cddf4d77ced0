// What the board knows: pictures by id, the page of the grid, and the line that the stage walks along.
function boardModel() {
  const records = new Map();
  const pending = new Set();
  const model = {
    page: { items: [], classes: [], tags: [], filter: {}, next: '', key: null, offset: 0, page: 1, pages: 1, total: 0 },
    line: [],
    start: 0,
    mode: 'grid',
    current: null,
    over: '', // why no picture is on the stage: 'waiting' for the next ones, or 'ended'
    selected: new Set(),
    whole: false, // all pictures of the filter are selected, not only those of this page
    anchor: null,
    brush: null,
    serial: 0,
    images: 0,
    saved: 0,
    undo: null,
    redo: null,
    me: '',
  };

  const record = (id) => records.get(id);
  const shown = (id) => (record(id).wishes ? record(id).wish : record(id).label);
  const colour = (name) => (model.page.classes.find((each) => each.name === name) || {}).colour;
  const index = () => model.line.indexOf(model.current);
  const filter = () => model.page.filter;
  const inBin = () => filter().status === 'bin';
  const reviewing = () => filter().status === 'unreviewed';
  // Over these filters the server hands the pictures out, so that no two people get the same one.
  const handed = () => model.mode === 'stage' && ['unlabelled', 'unreviewed'].includes(filter().status);
  const selectedCount = () => (model.whole ? model.page.total : model.selected.size);
  const chosen = () => model.page.items.filter((id) => model.selected.has(id));

  // The true state of a picture. While an edit of it is on its way, its answer brings the state.
  function take(picture, answered = false) {
    const known = record(picture.id);
    if (!known) records.set(picture.id, { ...picture, wishes: 0, wish: '' });
    else if ((answered || !known.wishes) && picture.revision >= known.revision) Object.assign(known, picture);
  }

  function takeFacts(facts) {
    if (facts.serial < model.serial) return;
    const { serial, undo, redo, images, left, me } = facts;
    Object.assign(model, { serial, undo, redo, images, me, saved: left });
  }

  // How many are left to label once the edits that wait are saved.
  function left() {
    const waiting = [...pending].map(record).map((each) => (each.wish ? 0 : 1) - (each.label ? 0 : 1));
    return Math.max(0, waiting.reduce((sum, each) => sum + each, model.saved));
  }

  function accept(value) {
    const ids = [...value.items, ...value.ahead].map((picture) => picture.id);
    const fresh = JSON.stringify(value.key) !== JSON.stringify(model.page.key);
    [...value.items, ...value.ahead, ...value.opened].forEach((picture) => take(picture));
    model.page = { ...value, items: value.items.map((picture) => picture.id) };
    takeFacts(value);
    if (value.mode) model.mode = value.mode;
    if (fresh) clear();
    if (value.opened.length) lineFrom(value.opened[0].id, ids, value.offset);
    else if (fresh || value.mode || model.mode === 'grid') startLine(ids, value.offset);
    else if (!handed()) joinLine(ids);
    model.selected = new Set(model.page.items.filter((id) => model.selected.has(id)));
    const names = model.page.classes.map((each) => each.name);
    if (model.brush !== '' && !names.includes(model.brush)) model.brush = names[0] ?? null;
  }

  function clear() {
    model.selected.clear();
    model.whole = false;
  }

  function startLine(ids, offset) {
    model.line = handed() ? [] : ids;
    model.start = offset;
    if (model.line.includes(model.current) && !handed()) return;
    model.current = model.line[0] ?? null;
    model.over = handed() ? 'waiting' : '';
  }

  // A picture that was asked for by its id comes first; what follows is what it would stand beside.
  function lineFrom(id, ids, offset) {
    if (handed() || !ids.includes(id)) ids = [id, ...(handed() ? [] : ids)];
    Object.assign(model, { line: ids, start: offset, current: id, over: '' });
  }

  // What the stage passed stays in the line, though it may have left the filter: one can go back to it.
  function joinLine(ids) {
    const there = new Set(model.line);
    const meet = ids.findIndex((id) => there.has(id));
    const before = ids.slice(0, Math.max(meet, 0)).filter((id) => !there.has(id));
    const after = ids.slice(Math.max(meet, 0)).filter((id) => !there.has(id));
    model.line = [...before, ...model.line, ...after];
    model.start = Math.max(0, model.start - before.length);
    if (model.current === null && !model.over) model.current = model.line[0] ?? null;
  }

  // Pictures that were handed out go to the end of the line. Gives those that were not in it yet.
  function hand(pictures) {
    pictures.forEach((picture) => take(picture));
    const there = new Set(model.line);
    const fresh = pictures.map((picture) => picture.id).filter((id) => !there.has(id));
    model.line.push(...fresh);
    return fresh;
  }

  function wish(ids, label) {
    for (const id of ids) {
      record(id).wishes += 1;
      record(id).wish = label;
      pending.add(id);
    }
  }

  function unwish(ids) {
    for (const id of ids.filter(record)) {
      record(id).wishes = Math.max(0, record(id).wishes - 1);
      if (!record(id).wishes) pending.delete(id);
    }
  }

  function forget(ids) {
    const gone = new Set(ids);
    const place = index();
    model.line = model.line.filter((id) => !gone.has(id));
    model.page.items = model.page.items.filter((id) => !gone.has(id));
    gone.forEach((id) => model.selected.delete(id));
    if (!gone.has(model.current)) return;
    model.current = model.line[Math.min(place, model.line.length - 1)] ?? null;
    if (model.current === null) model.over = 'ended';
  }

  // A picture goes onto the stage; one that is not in the line yet goes before the one that stands there.
  function stand(id) {
    const place = model.current === null ? model.line.length : Math.max(index(), 0);
    if (!model.line.includes(id)) model.line.splice(place, 0, id);
    Object.assign(model, { current: id, over: '' });
  }

  const reads = { record, shown, colour, index, filter, inBin, reviewing, handed, selectedCount, chosen, left };
  const writes = { take, takeFacts, accept, clear, startLine, hand, wish, unwish, forget, stand };
  return Object.assign(model, reads, writes, { waiting: () => pending.size });
}
