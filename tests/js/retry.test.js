import assert from 'node:assert/strict';
import { test } from 'node:test';

import { callWithRetries, tryCall } from '../../workbench/ui/static/label/retry.js';

// Fails some times, then answers; `log` says what happened in which order.
function failing(times) {
  const log = [];
  const call = async () => {
    log.push('call');
    if (log.filter((each) => each === 'call').length <= times) throw new Error('no connection');
    return 'answer';
  };
  const options = { pauses: [10, 20], wait: async (pause) => log.push(pause) };
  return { log, ask: () => callWithRetries(call, () => log.push('warn'), options) };
}

test('a call that is answered is made once and warns nobody', async () => {
  const { log, ask } = failing(0);
  assert.equal(await ask(), 'answer');
  assert.deepEqual(log, ['call']);
});

test('a call that fails is made again after each pause, with a warning before', async () => {
  const { log, ask } = failing(2);
  assert.equal(await ask(), 'answer');
  assert.deepEqual(log, ['call', 'warn', 10, 'call', 'warn', 20, 'call']);
});

test('after the last pause it gives up', async () => {
  const { log, ask } = failing(9);
  assert.equal(await ask(), null);
  assert.equal(log.filter((each) => each === 'call').length, 3);
});

test('an empty answer counts as none', async () => {
  assert.equal(await callWithRetries(async () => null, () => {}, { pauses: [] }), null);
  assert.equal(await tryCall(() => Promise.reject(new Error('gone'))), null);
});
