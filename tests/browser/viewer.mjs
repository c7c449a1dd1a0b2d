// The built-in page, driven as a reader would: pointer, keys, address.
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {makeSharedTilesets, makeTilesets, makeWorld, openBrowser,
  scratchFolder, settled, source, startServer} from './harness.mjs';
import {colours, decode, differing, matchesReference} from './pixels.mjs';
import {Skip, assert, eventually, runAll, test} from './suite.mjs';

let folder, server, browser, page;
let shared = [];
const TOWN = 'town/13/47/8';

async function setUp() {
  folder = scratchFolder();
  makeTilesets(folder);
  shared = makeSharedTilesets(folder);
  server = await startServer(folder);
  browser = await openBrowser();
  page = browser.page;
}

/** Opens the page anew at a place; a new path makes the browser reload. */
async function visit(hash, where = server.url, view = page) {
  await view.goto('about:blank');
  await view.goto(`${where}#${hash}`);
  await view.locator('#map[aria-busy]').waitFor();
  await settled(view);
}

/** Ends a server that no page asks any longer. */
async function leave(other) {
  await page.goto('about:blank');
  await other.stop();
}

/** Turns over the bytes of every tile in every pack of a tileset. */
function damagePacks(tileset) {
  const packs = readdirSync(path.join(tileset, 'packs'),
    {recursive: true, withFileTypes: true}).filter((e) => e.isFile());
  assert.ok(packs.length > 0);
  for (const entry of packs) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const bytes = readFileSync(file);
    for (let i = bytes.length >> 2; i < bytes.length; i++) {
      bytes[i] ^= 0xff;
    }
    writeFileSync(file, bytes);
  }
}

const mapPicture = async () =>
  decode(await page.locator('#map canvas').first().screenshot());
const readout = () => page.locator('#pointer').textContent();
const hash = () => page.evaluate(() => location.hash);
const closePanel = () => page.locator('#panel-close').click();

test('the catalog shows every tileset with a picture', async () => {
  await visit('world');
  const ids = await page.locator('.card').evaluateAll((cards) =>
    cards.map((card) => card.dataset.id));
  assert.deepEqual([...ids].sort(), ['town', 'world', ...shared].sort());
  for (const id of ['world', 'town']) {
    const thumb = page.locator(`.card[data-id="${id}"] canvas`);
    await eventually(async () => colours(decode(await thumb.screenshot())),
      (n) => n > 4, `no picture of ${id}`);
  }
});

test('choosing a card shows that tileset', async () => {
  await visit('world');
  await page.locator('.card[data-id="town"]').click();
  await eventually(hash, (h) => h.startsWith('#town/'), 'address');
  await settled(page);
  assert.ok(colours(await mapPicture()) > 8, 'the town is drawn');
  assert.match(await page.title(), /^Newbridge/);
});

test('raster tiles appear', async () => {
  await visit('world/2/20/0');
  assert.ok(colours(await mapPicture()) > 300, 'a picture of the world');
});

test('vector tiles appear with names', async () => {
  await visit(TOWN);
  assert.ok(colours(await mapPicture()) > 20, 'roads, water and names');
});

test('the credits are shown as a safe link', async () => {
  await visit('world');
  const link = page.locator('#attribution a');
  assert.equal(await link.textContent(), 'NASA');
  assert.match(await link.getAttribute('rel'), /noopener/);
});

test('the address restores the position', async () => {
  await visit('world/2.5/41.2/-8.6');
  assert.match(await readout(), /z 2\.5 +41\.\d* N, 8\.\d* W|z 2\.5 +41/);
  await page.reload();
  await settled(page);
  assert.match(await hash(), /^#world\/2\.5\/41\.2\/-8\.6/);
  await page.evaluate(() => {
    location.hash = '#town/14/47.001/8.002';
  });
  await eventually(readout, (text) => text.includes('z 14.0'), 'readout');
});

test('an address that makes no sense shows the first tileset', async () => {
  await visit('no-such-tileset/99/abc/4');
  await eventually(hash, (h) => /^#\w+\/[\d.]+\//.test(h), 'address');
  assert.ok(colours(await mapPicture()) > 8);
});

test('moving the map writes the address', async () => {
  await visit('world/3/0/0');
  const before = await hash();
  await page.locator('#map').focus();
  await page.keyboard.press('ArrowRight');
  await eventually(hash, (h) => h !== before, 'address after a key');
  const between = await hash();
  await page.mouse.move(700, 300);
  await page.mouse.down();
  await page.mouse.move(600, 250, {steps: 5});
  await page.mouse.up();
  await eventually(hash, (h) => h !== between, 'address after dragging');
});

test('plus, minus and the buttons zoom', async () => {
  await visit('world/2/0/0');
  await page.locator('#map').focus();
  await page.keyboard.press('+');
  await eventually(hash, (h) => h.startsWith('#world/3/'), 'plus');
  await page.keyboard.press('-');
  await eventually(hash, (h) => h.startsWith('#world/2/'), 'minus');
  await page.locator('#zoom-in').click();
  await eventually(hash, (h) => h.startsWith('#world/3/'), 'zoom-in');
});

test('the grid is switched on and off', async () => {
  await visit('town/13/47/8');
  const plain = await mapPicture();
  await page.locator('#toggle-grid').click();
  assert.equal(await page.locator('#toggle-grid').getAttribute('aria-pressed'),
    'true');
  const stage = page.locator('#stage');
  const gridded = decode(await stage.screenshot());
  assert.match(await hash(), /&grid=1/);
  await page.locator('#toggle-grid').click();
  const again = decode(await stage.screenshot());
  assert.ok(differing(gridded, again) > 0.001, 'lines and numbers went');
  assert.ok(differing(plain, await mapPicture()) < 0.001, 'map unchanged');
});

test('the tile under the pointer is named with its bytes', async () => {
  await visit('world/2/20/0');
  await page.mouse.move(700, 320);
  await eventually(readout, (text) => /2\/\d\/\d · [\d.]+ k?B/.test(text),
    'tile and size');
});

test('layers are listed and switched', async () => {
  await visit(TOWN);
  await page.locator('#tab-layers').click();
  const names = await page.locator('.layer-name').allTextContents();
  assert.deepEqual([...names].sort(),
    ['buildings', 'landuse', 'places', 'roads', 'water']);
  const before = await mapPicture();
  const roads = page.locator('.layer', {hasText: 'roads'}).locator('input');
  await roads.uncheck();
  await eventually(async () => differing(before, await mapPicture()),
    (share) => share > 0.01, 'the roads are gone');
  await roads.check();
  await eventually(async () => differing(before, await mapPicture()),
    (share) => share < 0.002, 'the roads are back');
});

test('a click shows the attributes of a feature', async () => {
  await visit('town/15/47/8');
  const box = await page.locator('#map').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  const inspector = page.locator('#inspector');
  await inspector.waitFor();
  const seen = new Set();
  const pager = inspector.locator('[aria-label="Next feature"]');
  for (let i = 0; i < 8; i++) {
    seen.add(await inspector.locator('h2').textContent());
    if (await pager.count()) {
      await pager.click();
    }
  }
  assert.ok(seen.has('Ring West') && seen.has('North Road'), [...seen].join());
  assert.match(await inspector.textContent(), /tile 14\/8556\/\d+/);
});

test('attributes keep their values', async () => {
  await visit('town/15/47/8.02');
  await page.locator('#map').focus();
  await page.locator('#zoom-all').waitFor();
  await visit('town/16/46.997/8.023');
  await page.locator('#map').focus();
  await page.keyboard.press('Enter');
  const text = await page.locator('.attributes').textContent();
  assert.match(text, /Mill Pond/);
  assert.match(text, /depth_m\s*2(?!\d)/);
});

test('keys alone open, inspect and close', async () => {
  await visit('town/15/47/8');
  await page.locator('#map').focus();
  await page.keyboard.press('Enter');
  await page.locator('#inspector').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id),
    'inspector');
  await page.keyboard.press('Escape');
  assert.ok(await page.locator('#inspector').isHidden());
  assert.equal(await page.evaluate(() => document.activeElement.id), 'map');
  await page.locator('#tab-layers').focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#panel-title').textContent(), 'Layers');
  await page.locator('#panel-close').focus();
  await page.keyboard.press('Escape');
  assert.ok(await page.locator('#panel').isHidden());
  assert.equal(await page.evaluate(() => document.activeElement.id),
    'tab-layers');
});

test('the skip button leads to the map', async () => {
  await visit('world');
  await page.locator('body').press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'map');
});

test('two tilesets are swiped with keys and pointer', async () => {
  await visit('world/3/47/8');
  await page.locator('#tab-compare').click();
  await page.locator('#compare-with').selectOption('town');
  const divider = page.locator('#divider');
  await divider.waitFor();
  assert.match(await hash(), /&compare=town&mode=swipe/);
  await divider.focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await divider.getAttribute('aria-valuenow'), '45');
  const box = await divider.boundingBox();
  await page.mouse.move(box.x + 16, 200);
  await page.mouse.down();
  await page.mouse.move(box.x + 116, 200, {steps: 4});
  await page.mouse.up();
  assert.ok(Number(await divider.getAttribute('aria-valuenow')) > 50);
});

test('two tilesets are shown side by side from the address', async () => {
  await visit('world/3/47/8&compare=town&mode=side');
  await settled(page, 'map-b');
  const [a, b] = [await page.locator('#map').boundingBox(),
    await page.locator('#map-b').boundingBox()];
  assert.ok(Math.abs(a.x + a.width - b.x) < 2, 'one begins where one ends');
  assert.equal(await page.locator('#label-b').textContent(), 'Newbridge');
  await page.locator('#tab-compare').click();
  await page.getByText('Stop').click();
  await page.locator('#map-b').waitFor({state: 'hidden'});
});

test('addresses and code are copied without a clipboard interface',
  async () => {
    await page.addInitScript(() => Object.defineProperty(navigator,
      'clipboard', {value: undefined, configurable: true}));
    await visit('town');
    await page.locator('#tab-share').click();
    const xyz = await page.locator('#address-xyz').inputValue();
    assert.match(xyz, new RegExp(`^${server.url}town/{z}/{x}/{y}`));
    await page.locator('[aria-label="Copy XYZ address"]').click();
    await eventually(() => page.locator('#live').textContent(),
      (text) => text === 'XYZ address copied', 'said so');
    const code = page.locator('.code');
    assert.match(await code.textContent(), /maplibregl\.Map/);
    await page.getByLabel('QGIS').check();
    assert.match(await code.textContent(), /Vector Tiles/);
  });

test('addresses given out are answered', async () => {
  await visit('world');
  await page.locator('#tab-share').click();
  for (const name of ['tilejson', 'wmts']) {
    const url = await page.locator(`#address-${name}`).inputValue();
    const reply = await fetch(url);
    assert.equal(reply.status, 200, url);
  }
});

test('the machine panel moves with the map', async () => {
  // A browser of its own: this one's cache would ask the server for nothing.
  const fresh = await openBrowser();
  const view = fresh.page;
  await visit('world/1/0/0', server.url, view);
  await view.locator('#tab-machine').click();
  const line = view.locator('#chart-requests .chart-line');
  await eventually(() => line.getAttribute('d'), (d) => d?.includes('L'),
    'a line is drawn');
  const tiles = {textContent: async () =>
    `${await view.locator('#total-tiles_warm').textContent()} and ` +
    await view.locator('#total-tiles_cold').textContent()};
  const before = await tiles.textContent();
  await view.locator('#map').focus();
  await view.keyboard.press('+');
  await view.keyboard.press('+');
  await eventually(() => tiles.textContent(), (now) => now !== before,
    'tiles are counted');
  assert.match(await view.locator('#chart-views').textContent(),
    /Views open\s*\d+ of \d+/);
  await fresh.close();
});

test('light and dark follow the system until the reader chooses', async () => {
  const theme = () => page.evaluate(() =>
    document.documentElement.dataset.theme);
  await visit('town');
  assert.equal(await theme(), 'light');
  await page.emulateMedia({colorScheme: 'dark'});
  await eventually(theme, (t) => t === 'dark', 'the system is dark');
  await page.locator('#toggle-theme').click();
  assert.equal(await theme(), 'light');
  await page.reload();
  await settled(page);
  assert.equal(await theme(), 'light', 'the choice is kept');
  await page.evaluate(() => localStorage.clear());
  await page.emulateMedia({colorScheme: 'light'});
});

test('elevation is drawn as relief and read as metres', async () => {
  if (!shared.includes('pyrenees')) {
    throw new Skip('no shared elevation data');
  }
  await visit('pyrenees/11/42.5/1.5');
  assert.ok(colours(await mapPicture()) > 40, 'relief is drawn');
  await page.locator('#map').focus();
  await page.keyboard.press('Enter');
  await eventually(() => page.locator('.place').textContent(),
    (text) => /^\d{3,4} m/.test(text), 'a height in metres');
});

test('a phone has room for everything', async () => {
  await page.setViewportSize({width: 360, height: 640});
  await visit('world');
  assert.ok(await page.locator('#panel').isHidden(), 'the map comes first');
  for (const name of ['tilesets', 'layers', 'compare', 'share', 'machine']) {
    await page.locator(`#tab-${name}`).click();
    const wide = await page.evaluate(() =>
      document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${name} is ${wide} pixels wide`);
    const body = page.locator('#panel-body');
    const over = await body.evaluate((b) => b.scrollWidth - b.clientWidth);
    assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
  }
  const small = await page.locator('.rail button').evaluateAll((all) =>
    all.filter((b) => b.getBoundingClientRect().height < 40).length);
  assert.equal(small, 0, 'buttons are large enough for a finger');
  await closePanel();
  await page.setViewportSize({width: 1000, height: 640});
});

test('a new generation replaces the old one where the reader is', async () => {
  const where = scratchFolder();
  const tileset = path.join(where, 'changing.imbrex');
  makeWorld(tileset, '--zoom', '0-2', '--format', 'jpeg');
  const other = await startServer(where);
  const generation = async () => (await (await fetch(
    `${other.url}catalog.json`)).json()).tilesets[0].generation;
  const first = await generation();
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await visit('changing/2/20/10', other.url);
  const position = await hash();
  assert.ok(asked.some((url) => url.includes(`/@${first}/`)), 'pinned');
  makeWorld(tileset, '--zoom', '0-2', '--format', 'png', '--replace');
  const second = await eventually(generation, (g) => g !== first, 'reload');
  await page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange')));
  await eventually(() => asked.filter((url) => url.includes(`/@${second}/`)),
    (urls) => urls.length > 3, 'tiles of the new generation');
  assert.match(await page.locator('#notice').textContent(), /been updated/);
  assert.equal(await hash(), position, 'the map has not moved');
  await leave(other);
});

test('tiles of 512 pixels are drawn at their own size', async () => {
  const where = scratchFolder();
  makeWorld(path.join(where, 'large.imbrex'), '--zoom', '0-3', '--tile-size',
    '512', '--format', 'jpeg');
  const other = await startServer(where);
  const levels = new Set();
  const note = (request) => {
    const found = /large\/@\w+\/(\d+)\/\d/.exec(request.url());
    levels.add(found ? Number(found[1]) : 'other');
  };
  await visit('large/3/20/10', other.url);
  await closePanel();
  page.on('request', note);
  await visit('large/3/20/10', other.url);
  assert.ok(colours(await mapPicture()) > 300);
  assert.ok(!levels.has(3), 'half the level is enough on this screen');
  page.off('request', note);
  await leave(other);
});

test('a catalog that cannot be read is said and asked for again', async () => {
  const {page: view, close} = await openBrowser();
  await view.route('**/catalog.json', (route) => route.abort());
  await view.goto(server.url);
  await view.getByRole('alert').waitFor();
  await view.unroute('**/catalog.json');
  await view.getByText('Try again').click();
  await view.locator('.card').first().waitFor();
  await settled(view);
  await close();
});

test('the address that the public sees is given out, not used', async () => {
  const other = await startServer(folder, {args: ['--public-url',
    'https://maps.example.org/tiles']});
  await visit('world/2/20/0', other.url);
  assert.ok(colours(await mapPicture()) > 300);
  await page.locator('#tab-share').click();
  assert.match(await page.locator('#address-tilejson').inputValue(),
    /^https:\/\/maps\.example\.org\/tiles\/world\.json$/);
  await leave(other);
});

test('a server without status says so in the machine panel', async () => {
  const other = await startServer(folder, {args: ['--status', 'off']});
  const {page: view, close} = await openBrowser();
  await visit('world', other.url, view);
  await view.locator('#tab-machine').click();
  await view.getByText('status is switched off').waitFor();
  await close();
  await leave(other);
});

test('tiles that cannot be read are told, and the page lives on', async () => {
  const where = scratchFolder();
  const tileset = path.join(where, 'torn.imbrex');
  makeWorld(tileset, '--zoom', '0-2', '--format', 'jpeg');
  const other = await startServer(where);
  damagePacks(tileset);
  const {page: view, close} = await openBrowser();
  await view.goto(`${other.url}#torn/2/20/0`);
  await eventually(() => view.locator('#notice').textContent(),
    (text) => text.includes('could not deliver'), 'the notice');
  await view.locator('#tab-layers').click();
  await view.getByText('Generation').waitFor();
  await close();
  await leave(other);
});

test('the page comes with a strict policy', async () => {
  const policy = (await fetch(server.url)).headers
    .get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.match(policy, /style-src 'self'(;|$)/);
});

test('the page works under a base path', async () => {
  const other = await startServer(folder, {basePath: '/maps'});
  await visit('world/2/20/0', other.url);
  assert.ok(colours(await mapPicture()) > 300);
  await leave(other);
});

const PICTURES = [
  {name: 'world-light', at: 'world/1.2/30/10', colorScheme: 'light'},
  {name: 'town-light', at: TOWN, colorScheme: 'light'},
  {name: 'town-dark', at: `${TOWN}&grid=1`, colorScheme: 'dark'},
];

for (const {name, at, colorScheme} of PICTURES) {
  test(`the page looks like its kept picture ${name}`, async () => {
    await page.setViewportSize({width: 360, height: 480});
    await page.emulateMedia({colorScheme});
    await visit(at);
    const file = path.join(source, 'tests', 'browser', 'reference',
      `${name}.png`);
    await page.evaluate(() => document.activeElement.blur());
    const result = matchesReference(await page.screenshot(), file,
      {share: 0.04, mean: 5});
    assert.ok(result.ok, result.text);
    await page.emulateMedia({colorScheme: 'light'});
    await page.setViewportSize({width: 1000, height: 640});
  });
}

test('nothing went wrong in the browser meanwhile', () => {
  assert.deepEqual(browser.problems, []);
});

await runAll(setUp, () => page);
