// The name under which the server leases pictures to this tab.
// A tab that is duplicated copies the session storage: the name lies there only while the tab is reloaded, so no two have the same.
const KEY = 'waterline-holder';

function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function claimTabId() {
  const id = sessionStorage.getItem(KEY) || randomName();
  sessionStorage.removeItem(KEY);
  window.addEventListener('pagehide', () => sessionStorage.setItem(KEY, id));
  window.addEventListener('pageshow', () => sessionStorage.removeItem(KEY));
  return id;
}
