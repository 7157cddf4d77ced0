// The name is a cookie, so that it comes with every request; other parts of the page hear of a change.
export function mount({ element }) {
  const field = element.querySelector('input');
  const kept = document.cookie.split('; ').find((each) => each.startsWith('waterline_name='));
  try {
    field.value = kept ? decodeURIComponent(kept.split('=')[1]) : '';
  } catch {
    field.value = '';
  }
  field.addEventListener('change', () => {
    const name = encodeURIComponent(field.value.trim().toWellFormed?.() ?? field.value.trim());
    document.cookie = `waterline_name=${name}; path=/; max-age=${name ? 31536000 : 0}; SameSite=Lax`;
    document.dispatchEvent(new CustomEvent('waterline-name'));
  });
  field.addEventListener('keydown', (event) => event.key === 'Enter' && field.blur());
}
