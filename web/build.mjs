// Builds the page into the folder named on the command line (default dist).
// The output depends on src/, the lock file and nothing else, so that
// check-bundle.sh can compare it with the tree byte for byte.
import {build} from 'esbuild';
import {copyFile, mkdir, readFile, readdir} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
const BUNDLED = ['ol', 'rbush', 'quickselect', 'pbf'];

/** What the licences of the bundled libraries ask to be kept with them. */
async function notice(name) {
  const dir = path.join(root, 'node_modules', name);
  const meta = JSON.parse(await readFile(path.join(dir, 'package.json')));
  const file = (await readdir(dir)).find((f) => /^licen[cs]e/i.test(f));
  const text = await readFile(path.join(dir, file), 'utf8');
  return `${name} ${meta.version}\n\n${text.trim().replaceAll('*/', '* /')}`;
}

const notices = await Promise.all(BUNDLED.map(notice));
await mkdir(out, {recursive: true});
await build({
  absWorkingDir: root,
  entryPoints: {app: 'src/main.js', style: 'src/style.css'},
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2020', 'chrome90', 'firefox90', 'safari15'],
  charset: 'utf8',
  legalComments: 'none',
  banner: {js: `/* Imbrex viewer, MIT. It contains:\n\n${
    notices.join('\n\n----\n\n')}\n*/`},
  logLevel: 'warning',
});
for (const name of ['index.html', 'favicon.svg']) {
  await copyFile(path.join(root, 'src', name), path.join(out, name));
}
