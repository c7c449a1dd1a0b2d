// The last minutes of status.json, and rates worked out from its counters.

export const SAMPLES = 90;
const WINDOW = 5; // samples over which a hit rate is taken

/** @returns {samples, add(status, ms)} samples {status, ms}, oldest first */
export function createHistory() {
  const samples = [];
  return {
    samples,
    add(status, ms) {
      const last = samples.at(-1)?.status;
      // Counters that go back belong to a server that was started anew.
      if (last && status.uptime_ms < last.uptime_ms) {
        samples.length = 0;
      }
      samples.push({status, ms});
      if (samples.length > SAMPLES + WINDOW) {
        samples.shift();
      }
    },
  };
}

function grown(samples, from, to, key) {
  return samples[to].status.counters?.[key] -
    samples[from].status.counters?.[key];
}

/** Growth per second of counters, summed, before sample `index`; NaN at the
 * first. */
export function rate(samples, index, keys) {
  if (index === 0) {
    return NaN;
  }
  const seconds = (samples[index].ms - samples[index - 1].ms) / 1000;
  const sum = keys.reduce((all, key) =>
    all + (grown(samples, index - 1, index, key) || 0), 0);
  return seconds > 0 ? Math.max(0, sum) / seconds : NaN;
}

/** Share of view look-ups that hit in the last seconds; NaN without any. */
export function hitRate(samples, index) {
  const from = Math.max(0, index - WINDOW);
  const hits = grown(samples, from, index, 'view_hits');
  const all = hits + grown(samples, from, index, 'view_misses');
  return all > 0 ? hits / all : NaN;
}
