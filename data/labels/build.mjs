// Makes the data for drawing names and icons without a network:
//   node build.mjs OUT   ->  OUT/fonts/Noto Sans Regular/*.pbf, OUT/sprites/*
import {cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync}
  from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {Resvg, initWasm} from '@resvg/resvg-wasm';
import {PNG} from 'pngjs';
import {icons, sheetSvg} from './icons.mjs';

const SIDE = 20;
const PER_ROW = 6;
const require = createRequire(import.meta.url);
const out = process.argv[2];
if (!out) {
  console.error('usage: node build.mjs OUT');
  process.exit(2);
}

function copyGlyphs() {
  const from = path.join(path.dirname(require.resolve(
    'smp-noto-glyphs/package.json')), 'fixtures', 'glyphs');
  const to = path.join(out, 'fonts', 'Noto Sans Regular');
  rmSync(to, {recursive: true, force: true});
  mkdirSync(to, {recursive: true});
  const ranges = readdirSync(from).filter((name) => /^\d+-\d+\.pbf$/.test(name));
  for (const name of ranges) {
    cpSync(path.join(from, name), path.join(to, name));
  }
  cpSync(new URL('OFL.txt', import.meta.url),
    path.join(out, 'fonts', 'OFL.txt'));
  return ranges.length;
}

/** One icon as a picture of side x side. */
function draw(name, side) {
  const pixels = new Resvg(sheetSvg(name),
    {fitTo: {mode: 'width', value: side}}).render().asPng();
  return PNG.sync.read(Buffer.from(pixels));
}

/** A sheet for screens with `ratio` pixels per unit, and where what is. */
function makeSheet(ratio) {
  const names = Object.keys(icons).sort();
  const side = SIDE * ratio;
  const sheet = new PNG({width: PER_ROW * side,
    height: Math.ceil(names.length / PER_ROW) * side});
  sheet.data.fill(0);
  const index = {};
  names.forEach((name, i) => {
    const x = (i % PER_ROW) * side;
    const y = Math.floor(i / PER_ROW) * side;
    PNG.bitblt(draw(name, side), sheet, 0, 0, side, side, x, y);
    index[name] = {x, y, width: side, height: side, pixelRatio: ratio};
  });
  const stem = path.join(out, 'sprites', ratio === 1 ? 'sprite' :
    `sprite@${ratio}x`);
  writeFileSync(`${stem}.png`, PNG.sync.write(sheet));
  writeFileSync(`${stem}.json`, `${JSON.stringify(index)}\n`);
  return names.length;
}

await initWasm(readFileSync(require.resolve(
  '@resvg/resvg-wasm/index_bg.wasm')));
const ranges = copyGlyphs();
mkdirSync(path.join(out, 'sprites'), {recursive: true});
const count = Math.max(...[1, 2].map(makeSheet));
console.log(`${ranges} ranges of 256 glyphs, ${count} icons in ${out}`);
