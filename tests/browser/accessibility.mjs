// The page judged by axe-core in every state that it has, light and dark.
import {readFileSync} from 'node:fs';
import {makeTilesets, openBrowser, scratchFolder, settled, startServer}
  from './harness.mjs';
import {assert, runAll, test} from './suite.mjs';

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
let server, page;

async function setUp() {
  const folder = scratchFolder();
  makeTilesets(folder);
  server = await startServer(folder);
  ({page} = await openBrowser());
}

async function judge(what) {
  await page.evaluate(axe);
  const {violations, passes} = await page.evaluate(() =>
    globalThis.axe.run(document, {resultTypes: ['violations']}));
  const text = violations.map((v) => `${what}: ${v.id} (${v.impact}): ` +
    v.nodes.map((node) => node.html.slice(0, 160)).join(' | '));
  assert.deepEqual(text, []);
  assert.ok(passes.length > 10, 'the rules were applied');
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [360, 1000]) {
    test(`every panel, ${colorScheme}, ${width} pixels wide`, async () => {
      await page.setViewportSize({width, height: 700});
      await page.emulateMedia({colorScheme});
      await page.goto('about:blank');
      await page.goto(`${server.url}#town/15/47/8&compare=world`);
      await page.locator('#map[aria-busy]').waitFor();
      await settled(page);
      for (const name of ['layers', 'compare', 'share', 'machine',
        'tilesets']) {
        await page.locator(`#tab-${name}`).click();
        await judge(name);
      }
      await page.locator('#panel-close').click();
      await page.locator('#map').focus();
      await page.keyboard.press('Enter');
      await judge('inspector');
    });
  }
}

await runAll(setUp, () => page);
