// Runs named tests one after another; a failure leaves a picture and the rest
// still runs.
import assert from 'node:assert/strict';
import path from 'node:path';
import {artifactFolder, cleanUp} from './harness.mjs';

const tests = [];
export const test = (name, run) => tests.push({name, run});
export {assert};

/** Stops a test that cannot run here; the reason is printed. */
export class Skip extends Error {}

const TEST_MS = 45000;

/** A page that never answers must not hold the whole run up. */
function bounded(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${TEST_MS} ms`)),
      TEST_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function runOne({name, run}, current) {
  const began = Date.now();
  try {
    await bounded(run());
    console.log(`ok      ${name} (${Date.now() - began} ms)`);
    return true;
  } catch (error) {
    if (error instanceof Skip) {
      console.log(`skipped ${name}: ${error.message}`);
      return true;
    }
    console.log(`FAILED  ${name}\n${error.stack}`);
    const file = path.join(artifactFolder(),
      `${name.replace(/\W+/g, '-')}.png`);
    await current()?.screenshot({path: file}).catch(() => {});
    return false;
  }
}

/** @param current returns the page to photograph when a test fails */
export async function runAll(setUp, current) {
  let failed = 0;
  try {
    await setUp();
    for (const one of tests) {
      failed += await runOne(one, current) ? 0 : 1;
    }
  } catch (error) {
    console.log(`FAILED  setting up\n${error.stack}`);
    failed++;
  } finally {
    await cleanUp();
  }
  console.log(`${tests.length} tests, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

/** Waits until `read` gives what `accept` accepts; bounded. */
export async function eventually(read, accept, what) {
  let value;
  for (let tries = 0; tries < 100; tries++) {
    value = await read();
    if (accept(value)) {
      return value;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${what}; last seen: ${JSON.stringify(value)}`);
}
