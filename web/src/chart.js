// A small time chart in SVG: one line, its area, and the cap as a dashed line.
import {svg} from './dom.js';

const WIDTH = 300;
const HEIGHT = 56;
const TOP = 5; // room for the line's own width and the cap

function points(values, slots, most) {
  const step = WIDTH / (slots - 1);
  const first = slots - values.length;
  return values.map((v, i) => (Number.isFinite(v) ? [
    ((first + i) * step).toFixed(1),
    (HEIGHT - v / most * (HEIGHT - TOP)).toFixed(1),
  ] : null));
}

/** Runs of neighbouring known points, so that gaps stay gaps. */
function runs(list) {
  const all = [[]];
  for (const point of list) {
    if (point) {
      all[all.length - 1].push(point);
    } else if (all[all.length - 1].length) {
      all.push([]);
    }
  }
  return all.filter((run) => run.length);
}

const linePath = (run) => `M${run.map((p) => p.join(' ')).join('L')}` +
  (run.length === 1 ? 'h.1' : '');

const areaPath = (run) => `M${run[0][0]} ${HEIGHT}L` +
  `${run.map((p) => p.join(' ')).join('L')}L${run.at(-1)[0]} ${HEIGHT}Z`;

/**
 * @param slots how many values fit from left to right
 * @returns {node, draw(values, cap)} values oldest first; NaN is a gap;
 *   without a cap the highest value is the top
 */
export function createChart(slots) {
  const area = svg('path', {class: 'chart-area'});
  const line = svg('path', {class: 'chart-line'});
  const cap = svg('path', {class: 'chart-cap'});
  const node = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart',
    preserveAspectRatio: 'none', 'aria-hidden': 'true', focusable: 'false'},
  svg('path', {class: 'chart-base', d: `M0 ${HEIGHT - 0.5}H${WIDTH}`}),
  area, cap, line);

  function draw(values, limit) {
    const known = values.filter(Number.isFinite);
    const most = limit || Math.max(1, ...known) * 1.15;
    const parts = runs(points(values.slice(-slots), slots, most));
    line.setAttribute('d', parts.map(linePath).join(''));
    area.setAttribute('d', parts.map(areaPath).join(''));
    cap.setAttribute('d', limit ? `M0 ${TOP}H${WIDTH}` : '');
  }

  return {node, draw};
}
