import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { buttonBindings, keyBindings } from '../../workbench/ui/static/label/bindings.js';
import { commandFor, isShortcut } from '../../workbench/ui/static/label/keyboard.js';

const HTML = readFileSync(new URL('../../workbench/ui/static/label/board.html', import.meta.url), 'utf8');
const nameOf = (key, shift = false) => commandFor(key, shift)?.name;

// An element as `closest` sees it: by its tag, its class and its attributes.
function target(...selectors) {
  return { closest: (list) => list.split(',').some((each) => selectors.includes(each.trim())) || null };
}

const pressed = (key, at = target(), more = {}) => ({ key, target: at, ...more });

test('each key gives its command', () => {
  const expected = {
    ...{ 0: 'clear-class', x: 'clear-class', s: 'skip', a: 'toggle-bin', d: 'dismiss', u: 'undo', t: 'tag', n: 'notes' },
    ...{ '/': 'search', '?': 'help', Escape: 'back', Enter: 'confirm' },
    ...{ ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' },
  };
  for (const [key, name] of Object.entries(expected)) assert.equal(nameOf(key), name, key);
});

test('the keys 1 to 9 give the class of their number', () => {
  for (let number = 1; number <= 9; number += 1) {
    assert.deepEqual(commandFor(String(number), false), { name: 'class', number });
  }
});

test('Shift turns undo into redo; with Caps Lock a letter stays what it is', () => {
  assert.equal(nameOf('U', true), 'redo');
  assert.equal(nameOf('u', true), 'redo');
  assert.equal(nameOf('U', false), 'undo');
  assert.equal(nameOf('S', true), undefined);
});

test('a sign that needs Shift on some keyboards is the same with it', () => {
  assert.equal(nameOf('?', true), 'help');
  assert.equal(nameOf('/', true), 'search');
});

test('other keys give nothing', () => {
  for (const key of ['q', 'Tab', ' ', 'F1', 'constructor', 'toString', '10']) assert.equal(commandFor(key, false), null, key);
});

test('typing in a field is no shortcut', () => {
  for (const field of ['input', 'textarea', 'select', '[contenteditable="true"]']) {
    assert.equal(isShortcut(pressed('1', target(field))), false, field);
  }
});

test('Enter and Space press a button or a link, other keys on it are shortcuts', () => {
  for (const control of ['button:not(.cell)', 'a', 'summary']) {
    assert.equal(isShortcut(pressed('Enter', target(control))), false);
    assert.equal(isShortcut(pressed(' ', target(control))), false);
    assert.equal(isShortcut(pressed('1', target(control))), true);
  }
  assert.equal(isShortcut(pressed('Enter')), true);
});

test('a key that repeats, composes or has a modifier is no shortcut', () => {
  for (const state of ['repeat', 'ctrlKey', 'altKey', 'metaKey', 'isComposing']) {
    assert.equal(isShortcut(pressed('1', target(), { [state]: true })), false, state);
  }
  assert.equal(isShortcut(pressed('U', target(), { shiftKey: true })), true);
});

test('a key on the document itself, which has no closest, is a shortcut', () => {
  assert.equal(isShortcut(pressed('1', {})), true);
});

test('every command of the keyboard does something', () => {
  const bound = keyBindings({ commands: {} }, {});
  const keys = ['0', '1', ...'xsadutn/?', 'Escape', 'Enter', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];
  const names = [...keys.map((key) => nameOf(key)), nameOf('U', true)];
  assert.deepEqual(new Set(Object.keys(bound)), new Set(names));
});

test('every button of the board does something', () => {
  const named = [...HTML.matchAll(/data-act="([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual(new Set(named), new Set(Object.keys(buttonBindings({}, {}))));
});

test('in the grid the key for notes is left to the browser', () => {
  const notes = (mode) => keyBindings({ model: { mode }, commands: {}, panel: { focusNotes: () => undefined } }, {}).notes();
  assert.equal(notes('grid'), false);
  assert.notEqual(notes('stage'), false);
});
