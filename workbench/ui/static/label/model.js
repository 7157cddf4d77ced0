// What the board knows: pictures by id, the page of the grid, and the sequence that the stage goes along.
const EMPTY_PAGE = { items: [], classes: [], tags: [], filter: {}, next: '', key: null, offset: 0, page: 1, pages: 1, total: 0 };

export function createModel() {
  const pictures = new Map();
  const pendingIds = new Set();
  const model = {
    page: { ...EMPTY_PAGE },
    sequence: [],
    sequenceOffset: 0,
    mode: 'grid',
    current: null,
    emptyReason: '', // why no picture is on the stage: 'waiting' for the next ones, or 'ended'
    selected: new Set(),
    wholeFilter: false, // all pictures of the filter are selected, not only those of this page
    anchor: null,
    activeClass: null,
    serial: 0,
    images: 0,
    savedUnlabelled: 0,
    undo: null,
    redo: null,
    me: '',
  };

  const picture = (id) => pictures.get(id);
  const labelOf = (id) => (picture(id).pendingWrites ? picture(id).pendingLabel : picture(id).label);
  const colourOf = (name) => (model.page.classes.find((each) => each.name === name) || {}).colour;
  const position = () => model.sequence.indexOf(model.current);
  const filter = () => model.page.filter;
  const inBin = () => filter().status === 'bin';
  const reviewing = () => filter().status === 'unreviewed';
  // Over these filters the server leases the pictures out, so that no two people get the same one.
  const leased = () => model.mode === 'stage' && ['unlabelled', 'unreviewed'].includes(filter().status);
  const selectedCount = () => (model.wholeFilter ? model.page.total : model.selected.size);
  const selectedIds = () => model.page.items.filter((id) => model.selected.has(id));

  // The true state of a picture. While a write of it is on its way, its answer brings the state.
  function update(fresh, answered = false) {
    const known = picture(fresh.id);
    if (!known) pictures.set(fresh.id, { ...fresh, pendingWrites: 0, pendingLabel: '' });
    else if ((answered || !known.pendingWrites) && fresh.revision >= known.revision) Object.assign(known, fresh);
  }

  function updateFacts(facts) {
    if (facts.serial < model.serial) return;
    const { serial, undo, redo, images, left, me } = facts;
    Object.assign(model, { serial, undo, redo, images, me, savedUnlabelled: left });
  }

  // How many are left to label once the writes that wait are saved.
  function unlabelledCount() {
    const changes = [...pendingIds].map(picture).map((each) => (each.pendingLabel ? 0 : 1) - (each.label ? 0 : 1));
    return Math.max(0, changes.reduce((sum, change) => sum + change, model.savedUnlabelled));
  }

  function loadPage(value) {
    const ids = [...value.items, ...value.ahead].map((each) => each.id);
    const otherPage = JSON.stringify(value.key) !== JSON.stringify(model.page.key);
    [...value.items, ...value.ahead, ...value.opened].forEach((each) => update(each));
    model.page = { ...value, items: value.items.map((each) => each.id) };
    updateFacts(value);
    if (value.mode) model.mode = value.mode;
    if (otherPage) clearSelection();
    if (value.opened.length) startSequenceAt(value.opened[0].id, ids, value.offset);
    else if (otherPage || value.mode || model.mode === 'grid') startSequence(ids, value.offset);
    else if (!leased()) extendSequence(ids);
    model.selected = new Set(model.page.items.filter((id) => model.selected.has(id)));
    const names = model.page.classes.map((each) => each.name);
    if (model.activeClass !== '' && !names.includes(model.activeClass)) model.activeClass = names[0] ?? null;
  }

  function clearSelection() {
    model.selected.clear();
    model.wholeFilter = false;
  }

  function startSequence(ids, offset) {
    model.sequence = leased() ? [] : ids;
    model.sequenceOffset = offset;
    if (model.sequence.includes(model.current) && !leased()) return;
    model.current = model.sequence[0] ?? null;
    model.emptyReason = leased() ? 'waiting' : '';
  }

  // A picture that was asked for by its id comes first; what follows is what it would stand beside.
  function startSequenceAt(id, ids, offset) {
    if (leased() || !ids.includes(id)) ids = [id, ...(leased() ? [] : ids)];
    Object.assign(model, { sequence: ids, sequenceOffset: offset, current: id, emptyReason: '' });
  }

  // What the stage passed stays in the sequence, though it may have left the filter: one can go back to it.
  function extendSequence(ids) {
    const there = new Set(model.sequence);
    const meet = ids.findIndex((id) => there.has(id));
    const before = ids.slice(0, Math.max(meet, 0)).filter((id) => !there.has(id));
    const after = ids.slice(Math.max(meet, 0)).filter((id) => !there.has(id));
    model.sequence = [...before, ...model.sequence, ...after];
    model.sequenceOffset = Math.max(0, model.sequenceOffset - before.length);
    if (model.current === null && !model.emptyReason) model.current = model.sequence[0] ?? null;
  }

  // Pictures that were leased go to the end of the sequence. Gives those that were not in it yet.
  function appendLeased(fresh) {
    fresh.forEach((each) => update(each));
    const there = new Set(model.sequence);
    const added = fresh.map((each) => each.id).filter((id) => !there.has(id));
    model.sequence.push(...added);
    return added;
  }

  function addPendingLabel(ids, label) {
    for (const id of ids) {
      picture(id).pendingWrites += 1;
      picture(id).pendingLabel = label;
      pendingIds.add(id);
    }
  }

  function removePendingLabel(ids) {
    for (const id of ids.filter(picture)) {
      picture(id).pendingWrites = Math.max(0, picture(id).pendingWrites - 1);
      if (!picture(id).pendingWrites) pendingIds.delete(id);
    }
  }

  function removeFromPage(ids) {
    const gone = new Set(ids);
    const place = position();
    model.sequence = model.sequence.filter((id) => !gone.has(id));
    model.page.items = model.page.items.filter((id) => !gone.has(id));
    gone.forEach((id) => model.selected.delete(id));
    if (!gone.has(model.current)) return;
    model.current = model.sequence[Math.min(place, model.sequence.length - 1)] ?? null;
    if (model.current === null) model.emptyReason = 'ended';
  }

  // A picture goes onto the stage; one that is not in the sequence yet goes before the one that is there.
  function goTo(id) {
    const place = model.current === null ? model.sequence.length : Math.max(position(), 0);
    if (!model.sequence.includes(id)) model.sequence.splice(place, 0, id);
    Object.assign(model, { current: id, emptyReason: '' });
  }

  const reads = { picture, labelOf, colourOf, position, filter, inBin, reviewing, leased, selectedCount, selectedIds, unlabelledCount };
  const writes = { update, updateFacts, loadPage, clearSelection, appendLeased, addPendingLabel, removePendingLabel, removeFromPage, goTo };
  return Object.assign(model, reads, writes, { pendingCount: () => pendingIds.size });
}
