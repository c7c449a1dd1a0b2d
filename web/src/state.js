// What the page shows, in one place. Modules set values and watch the ones
// they depend on; nobody calls another module to tell it about a change.

/**
 * @param {Object} initial every key that will ever be set
 * @returns get(key), set(patch), watch(keys, fn)
 */
export function createState(initial) {
  const values = {...initial};
  const watchers = new Set();

  function set(patch) {
    const changed = Object.keys(patch).filter((k) => values[k] !== patch[k]);
    Object.assign(values, patch);
    for (const {keys, fn} of [...watchers]) {
      if (changed.some((k) => keys.includes(k))) {
        fn(values);
      }
    }
  }

  /**
   * Calls fn(values) after a change of any of `keys`, and at once with `now`.
   * @returns a function that ends the watching
   */
  function watch(keys, fn, {now = false} = {}) {
    const watcher = {keys, fn};
    watchers.add(watcher);
    if (now) {
      fn(values);
    }
    return () => watchers.delete(watcher);
  }

  return {get: (key) => values[key], set, watch};
}
