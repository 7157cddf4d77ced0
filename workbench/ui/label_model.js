// What the board knows: pictures by id, the page of the grid, and the line that the stage walks along.
function boardModel() {
  const records = new Map();
  const pending = new Set();
  const model = {
    page: { items: [], classes: [], next: '', key: null, offset: 0, page: 1, pages: 1 },
    line: [],
    start: 0,
    mode: 'grid',
    current: null,
    selected: new Set(),
    anchor: null,
    brush: null,
    serial: 0,
    images: 0,
    saved: 0,
    undo: null,
  };

  const record = (id) => records.get(id);
  const shown = (id) => (record(id).wishes ? record(id).wish : record(id).label);
  const colour = (name) => (model.page.classes.find((each) => each.name === name) || {}).colour;
  const index = () => model.line.indexOf(model.current);

  // The true state of a picture. While an edit of it is on its way, its answer brings the state.
  function take(picture, answered = false) {
    const known = record(picture.id);
    if (!known) records.set(picture.id, { ...picture, wishes: 0, wish: '' });
    else if ((answered || !known.wishes) && picture.revision >= known.revision) Object.assign(known, picture);
  }

  function takeFacts(facts) {
    if (facts.serial < model.serial) return;
    Object.assign(model, { serial: facts.serial, undo: facts.undo, images: facts.images, saved: facts.left });
  }

  // How many are left to label once the edits that wait are saved.
  function left() {
    const waiting = [...pending].map(record).map((each) => (each.wish ? 0 : 1) - (each.label ? 0 : 1));
    return Math.max(0, waiting.reduce((sum, each) => sum + each, model.saved));
  }

  function accept(value) {
    const fresh = JSON.stringify(value.key) !== JSON.stringify(model.page.key);
    [...value.items, ...value.ahead].forEach((picture) => take(picture));
    const ids = [...value.items, ...value.ahead].map((picture) => picture.id);
    model.page = { ...value, items: value.items.map((picture) => picture.id) };
    takeFacts(value);
    if (value.mode) model.mode = value.mode;
    if (fresh || model.mode === 'grid' || value.mode) startLine(ids, value.offset);
    else joinLine(ids);
    model.selected = new Set(model.page.items.filter((id) => model.selected.has(id)));
    if (!model.line.includes(model.current)) model.current = model.line[0] ?? null;
    const names = model.page.classes.map((each) => each.name);
    if (model.brush !== '' && !names.includes(model.brush)) model.brush = names[0] ?? null;
  }

  function startLine(ids, offset) {
    model.line = ids;
    model.start = offset;
  }

  // What the stage passed stays in the line, though it may have left the filter: one can go back to it.
  function joinLine(ids) {
    const there = new Set(model.line);
    const meet = ids.findIndex((id) => there.has(id));
    const before = ids.slice(0, Math.max(meet, 0)).filter((id) => !there.has(id));
    const after = ids.slice(Math.max(meet, 0)).filter((id) => !there.has(id));
    model.line = [...before, ...model.line, ...after];
    model.start = Math.max(0, model.start - before.length);
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
    if (gone.has(model.current)) model.current = model.line[Math.min(place, model.line.length - 1)] ?? null;
  }

  return Object.assign(model, { record, shown, colour, index, take, takeFacts, left, accept, wish, unwish, forget });
}
