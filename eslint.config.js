import js from '@eslint/js';

// Named one by one: among all the globals of a browser, `event`, `name` or `find` would hide a variable that is missing.
const BROWSER = [
  ...['document', 'window', 'location', 'history', 'navigator', 'localStorage', 'sessionStorage', 'crypto', 'performance'],
  ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'requestAnimationFrame', 'matchMedia', 'innerWidth', 'innerHeight'],
  ...['CSS', 'CustomEvent', 'Event', 'File', 'Image', 'MutationObserver', 'Notification', 'ResizeObserver', 'URL'],
];
const NODE = ['URL', 'setTimeout'];

const readable = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

export default [
  js.configs.recommended,
  { languageOptions: { ecmaVersion: 2022, sourceType: 'module' } },
  { files: ['workbench/ui/static/**/*.js'], languageOptions: { globals: readable(BROWSER) } },
  { files: ['tests/js/**/*.js'], languageOptions: { globals: readable(NODE) } },
];
