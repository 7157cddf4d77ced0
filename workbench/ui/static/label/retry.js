const PAUSES = [400, 1500, 4000];
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Gives null where the call fails.
export async function tryCall(call) {
  try {
    return await call();
  } catch {
    return null;
  }
}

// Calls until an answer comes, and gives null where none came after the last pause.
export async function callWithRetries(call, beforeRetry, { pauses = PAUSES, wait = sleep } = {}) {
  let answer = await tryCall(call);
  for (const pause of pauses) {
    if (answer) break;
    beforeRetry();
    await wait(pause);
    answer = await tryCall(call);
  }
  return answer;
}
