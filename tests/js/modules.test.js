import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const FOLDER = new URL('../../workbench/ui/static/', import.meta.url);

const modules = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(new URL(`${name}/`, FOLDER)).map((file) => `${name}/${file}`))
  .filter((name) => name.endsWith('.js'));

for (const name of modules) {
  // Importing fails where a name is imported that the other module does not export.
  test(`${name} can be imported and touches no page before it is mounted`, async () => {
    assert.ok(Object.keys(await import(new URL(name, FOLDER))).length);
  });

  // An address without the version of the page could be kept by a browser for another version.
  test(`${name} imports by relative paths alone`, () => {
    const source = readFileSync(new URL(name, FOLDER), 'utf8');
    const paths = [...source.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, path]) => path);
    assert.deepEqual(paths.filter((path) => !/^\.{1,2}\/.*\.js$/.test(path)), []);
  });
}
