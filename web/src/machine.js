// The panel that shows the server at work: its caps, and how near it is.
import {h} from './dom.js';
import {loadStatus} from './api.js';
import {createChart} from './chart.js';
import {binaryBytes, bytes, count, duration, percent, short} from './format.js';
import {hitRate, rate, SAMPLES, createHistory} from './history.js';

const PERIOD_MS = 1000;

// What is drawn: value of the last sample, its text, and the cap if any.
const CHARTS = [
  {id: 'views', title: 'Views open', of: (s) => s.now?.views,
    cap: (s) => s.caps?.views, text: count},
  {id: 'mapped', title: 'Mapped', of: (s) => s.now?.mapped_bytes,
    cap: (s) => s.caps?.mapped_bytes, text: binaryBytes},
  {id: 'requests', title: 'Requests per second', rate: 'requests',
    text: short},
  {id: 'hits', title: 'View hit rate', hit: true, cap: () => 1,
    text: percent, noCapText: true},
  {id: 'evictions', title: 'Evictions per second', rate: 'evictions',
    text: short},
  {id: 'refused', title: 'Refused per second', rate: 'refused', text: short,
    bad: true},
];

function valueOf(chart, history, index) {
  if (chart.hit) {
    return hitRate(history, index);
  }
  return chart.rate ? rate(history, index, chart.rate) :
    Number(chart.of(history[index].status) ?? NaN);
}

function createFigure(chart) {
  const drawing = createChart(SAMPLES);
  const value = h('strong', {class: 'chart-value', id: `now-${chart.id}`}, '–');
  const cap = h('span', {class: 'chart-of'});
  const node = h('figure', {class: 'figure', id: `chart-${chart.id}`},
    h('figcaption', {}, h('span', {}, chart.title),
      h('span', {class: 'chart-now'}, value, cap)), drawing.node);

  function draw(history) {
    const values = history.map((_, i) => valueOf(chart, history, i));
    const limit = chart.cap?.(history.at(-1).status);
    drawing.draw(values, limit);
    value.textContent = chart.text(values.at(-1));
    cap.textContent = limit && !chart.noCapText ?
      ` of ${chart.text(limit)}` : '';
    node.classList.toggle('alarm', Boolean(chart.bad) && values.at(-1) > 0);
  }

  return {node, draw};
}

const LIMITS = [
  ['views', 'Views', count], ['mapped_bytes', 'Mapped', binaryBytes],
  ['connections', 'Connections', count], ['handles', 'File handles', count],
  ['copy_bytes', 'Tiles in flight', binaryBytes],
  ['memory_bytes', 'Private memory', binaryBytes],
];

function limitTable(status) {
  const cell = (group, key, text) => {
    const value = status[group]?.[key];
    return h('td', {}, Number.isFinite(value) ? text(value) : '–');
  };
  return h('table', {class: 'table'},
    h('caption', {}, 'Limits'),
    h('thead', {}, h('tr', {}, ['Limit', 'Now', 'Highest', 'Cap']
      .map((text) => h('th', {scope: 'col'}, text)))),
    h('tbody', {}, LIMITS.map(([key, name, text]) => h('tr', {},
      h('th', {scope: 'row'}, name), cell('now', key, text),
      cell('high', key, text), cell('caps', key, text)))));
}

const TOTALS = [
  ['requests', 'Requests', count], ['tiles', 'Tiles sent', count],
  ['bytes_sent', 'Sent', bytes], ['not_modified', 'Not modified', count],
  ['opens', 'Packs opened', count], ['evictions', 'Evicted', count],
  ['waits', 'Waited for a view', count], ['refused', 'Refused', count],
  ['errors', 'Errors', count], ['corrupt', 'Damaged tiles caught', count],
];

function totals(status) {
  const rows = TOTALS.filter(([key]) => key in (status.counters ?? {}));
  return h('dl', {class: 'facts'},
    h('dt', {}, 'Running for'), h('dd', {}, duration(status.uptime_s)),
    rows.flatMap(([key, name, text]) => [h('dt', {}, name),
      h('dd', {}, text(status.counters[key]))]),
    h('dt', {}, 'Version'), h('dd', {}, String(status.version ?? '–')));
}

function createView(body) {
  const figures = CHARTS.map(createFigure);
  const tables = h('div', {class: 'block'});
  const message = h('p', {class: 'note', hidden: true});
  body.append(message, h('div', {class: 'figures'},
    figures.map((figure) => figure.node)), tables);
  return {
    show(history) {
      const {status} = history.at(-1);
      message.hidden = true;
      figures.forEach((figure) => figure.draw(history));
      tables.replaceChildren(limitTable(status), totals(status));
    },
    fail(error) {
      message.hidden = false;
      message.textContent = /\b40[34]$/.test(error.message) ?
        'This server does not tell its numbers: status is switched off.' :
        `No answer from the server. ${error.message}`;
    },
  };
}

// Kept while the panel is closed, so that opening it again shows a line.
const history = createHistory();

/** The machine panel; see chrome.js for what a panel is. */
export function machinePanel() {
  return {
    title: 'Machine', short: 'Machine',
    open(body) {
      const view = createView(body);
      const stop = new AbortController();
      let timer = 0;

      async function tick() {
        if (!document.hidden) {
          try {
            const status = await loadStatus(stop.signal);
            history.add(status, performance.now());
            view.show(history.samples);
          } catch (error) {
            if (!stop.signal.aborted) {
              view.fail(error);
            }
          }
        }
        if (!stop.signal.aborted) {
          timer = setTimeout(tick, PERIOD_MS);
        }
      }

      tick();
      return () => {
        stop.abort();
        clearTimeout(timer);
      };
    },
  };
}
