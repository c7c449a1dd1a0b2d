// Starts the real server on real tilesets and a real browser, and makes sure
// that both end again. Nothing here knows a test.
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {chromium} from 'playwright-core';

export const source = process.env.IMBREX_SOURCE;
export const sharedData = process.env.IMBREX_DATA ??
  path.join(source, '..', 'shared', 'data');
const tiler = process.env.IMBREX_TILER;
const serverProgram = process.env.IMBREX_SERVER;
const town = ['landuse', 'water', 'buildings', 'roads', 'places'];

const cleanups = [];
/** Has `undo` called at the end, before what was registered earlier. */
export const onCleanUp = (undo) => cleanups.push(undo);

/** Undoes everything that was started, latest first. */
export async function cleanUp() {
  for (const undo of cleanups.splice(0).reverse()) {
    await undo();
  }
}

export function scratchFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imbrex-browser-'));
  cleanups.push(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

function runTiler(...args) {
  execFileSync(tiler, args, {stdio: ['ignore', 'ignore', 'inherit']});
}

/** A tileset of the sample image; `args` are options of the tiler. */
export function makeWorld(output, ...args) {
  runTiler('build', '--quiet', '-o', output, ...args,
    path.join(source, 'data', 'world.jpg'));
}

/** The tilesets that need nothing but this checkout. */
export function makeTilesets(folder) {
  makeWorld(path.join(folder, 'world.imbrex'),
    '--zoom', '0-3', '--format', 'jpeg', '--name', 'Blue Marble',
    '--attribution', '<a href="https://visibleearth.nasa.gov">NASA</a>');
  const layers = town.map((name) =>
    path.join(source, 'tests', 'browser', 'data', `${name}.geojson`));
  runTiler('build', '--quiet', '-o', path.join(folder, 'town.imbrex'),
    '--zoom', '0-14', '--name', 'Newbridge', ...layers);
}

/** The glyphs and icons of data/labels; @returns the folder, or null where
 * they cannot be made. */
export function makeLabels(folder) {
  try {
    execFileSync(path.join(source, 'data', 'labels', 'build.sh'), [folder],
      {stdio: ['ignore', 'ignore', 'inherit']});
    return folder;
  } catch (error) {
    if (error.status === 77) {
      return null;
    }
    throw error;
  }
}

/** More tilesets, from the shared data; @returns the ids of those made.
 * @param wanted only these ids */
export function makeSharedTilesets(folder, wanted) {
  const made = [];
  const inside = 'N42E001.hgt';
  const add = (id, input, ...args) => {
    const from = path.join(sharedData, input);
    if ((!wanted || wanted.includes(id)) && existsSync(from)) {
      const zipped = from.endsWith('.zip') ?
        `/vsizip/${from}/${inside}` : from;
      runTiler(...args, '--quiet', '-o', path.join(folder, `${id}.imbrex`),
        zipped);
      made.push(id);
    }
  };
  add('porto', 'mbtiles/porto_roads_gdal_z9-12.mbtiles', 'import');
  add('bangkok', 'xyz/mvt-bangkok', 'import');
  add('monaco', 'osm/monaco-latest-2021.osm.pbf', 'build', '--zoom', '0-14',
    '--name', 'Monaco');
  add('pyrenees', 'raster/srtm_N42E001.hgt.zip', 'build', '--encoding',
    'terrarium', '--zoom', '5-10', '--name', 'Pyrenees');
  return made;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const {port} = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function waitForServer(url, child) {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) {
      throw new Error(`the server ended with ${child.exitCode}`);
    }
    try {
      const reply = await fetch(`${url}catalog.json`);
      if (reply.ok) {
        return;
      }
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server does not answer');
}

/** @returns {Promise<{url, stop}>} url of the page, ending in '/' */
export async function startServer(folder, {basePath = '', args = []} = {}) {
  const port = await freePort();
  const base = basePath ? ['--base-path', basePath] : [];
  const child = spawn(serverProgram, ['--port', String(port), '--admin', 'off',
    ...base, ...args, folder], {stdio: ['ignore', 'ignore', 'inherit']});
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  cleanups.push(stop);
  const url = `http://127.0.0.1:${port}${basePath}/`;
  await waitForServer(url, child);
  return {url, stop};
}

export const findChromium = () => [process.env.IMBREX_CHROMIUM,
  '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((name) => name && existsSync(name));

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--hide-scrollbars',
  '--font-render-hinting=none', '--force-color-profile=srgb',
  // There is no other host: nothing can come from outside unnoticed.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'];

/**
 * A browser window of its own with an empty profile.
 * @returns {Promise<{page, problems, close}>} problems: what a good page never
 *   does, as texts: console errors, requests elsewhere, policy violations
 */
export async function openBrowser({flags = FLAGS, ...options} = {}) {
  const profile = scratchFolder();
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(), headless: true, args: flags,
    viewport: {width: 1000, height: 640}, colorScheme: 'light',
    reducedMotion: 'reduce', locale: 'en-GB', ...options,
  });
  const page = context.pages()[0] ?? await context.newPage();
  const problems = [];
  watch(page, problems);
  const close = () => context.close();
  cleanups.push(() => close().catch(() => {}));
  return {page, problems, close};
}

export const gpuFlags = [...FLAGS.filter((f) => f !== '--disable-gpu'),
  '--use-gl=angle', '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader'];

function watch(page, problems) {
  page.on('console', (message) => {
    if (message.type() === 'error') {
      problems.push(`console: ${message.text()} ${message.location().url}`);
    }
  });
  page.on('pageerror', (error) => problems.push(`script: ${error.stack}`));
  page.on('request', (request) => {
    const {protocol, hostname} = new URL(request.url());
    if (/^https?:$/.test(protocol) && hostname !== '127.0.0.1') {
      problems.push(`asked elsewhere: ${request.url()}`);
    }
  });
  page.on('response', (response) => {
    if (response.status() >= 400) {
      problems.push(`${response.status()}: ${response.url()}`);
    }
  });
}

/** Waits until the map has asked for and drawn all that it needs. */
export async function settled(page, id = 'map') {
  await page.locator(`#${id}[aria-busy="false"]`)
    .waitFor({state: 'attached', timeout: 20000});
  // Two frames: what has been loaded is then on the screen.
  await page.evaluate(() => new Promise((resolve) =>
    requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Where failures leave their pictures. */
export function artifactFolder() {
  const folder = path.join(process.env.IMBREX_BUILD ?? os.tmpdir(),
    'browser-tests', 'failures');
  mkdirSync(folder, {recursive: true});
  return folder;
}
