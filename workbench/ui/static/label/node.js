function node(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function media(sha, size) {
  return `/media/${sha}/${size}.jpg`;
}

function counted(number) {
  return number === 1 ? '1 picture' : `${number.toLocaleString('en')} pictures`;
}

function percent(share) {
  return `${Math.min(99, Math.round(100 * share))} %`;
}
