export function imageAddress(sha, size) {
  return `/media/${sha}/${size}.jpg`;
}

export function countPictures(number) {
  return number === 1 ? '1 picture' : `${number.toLocaleString('en')} pictures`;
}

export function percent(share) {
  return `${Math.min(99, Math.round(100 * share))} %`;
}

// In the reader's own zone, with the day where it is not today.
export function localTime(when) {
  const moment = new Date(when);
  const today = moment.toDateString() === new Date().toDateString();
  const hours = { hour: '2-digit', minute: '2-digit', hour12: false };
  return moment.toLocaleString('en', today ? hours : { day: 'numeric', month: 'short', ...hours });
}
