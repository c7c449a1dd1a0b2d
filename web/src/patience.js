// Asking a server that keeps hard limits: it may say 503 and when to come
// back, which is no failure.

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** fetch() that comes back after a 503, twice at most and within 6 seconds. */
export async function fetchPatiently(url, options) {
  for (let attempt = 0; ; attempt++) {
    const reply = await fetch(url, options);
    if (reply.status !== 503 || attempt === 2) {
      return reply;
    }
    const seconds = Number(reply.headers.get('retry-after')) || 1;
    await wait(Math.min(seconds, 2) * 1000 * (attempt + 1));
  }
}

/**
 * Lets at most `most` tasks run at once, in the order given.
 * @returns a function that takes a task, () => Promise, and gives its result
 */
export function createQueue(most) {
  const waiting = [];
  let running = 0;

  function next() {
    if (running < most && waiting.length) {
      running++;
      waiting.shift()().finally(() => {
        running--;
        next();
      });
    }
  }

  return (task) => new Promise((resolve, reject) => {
    waiting.push(() => task().then(resolve, reject));
    next();
  });
}
