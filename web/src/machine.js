// The panel that shows the server at work: its caps, and how near it is.
import {h} from './dom.js';
import {loadStatus} from './api.js';
import {createChart} from './chart.js';
import {binaryBytes, bytes, count, duration, percent, short} from './format.js';
import {hitRate, rate, SAMPLES, createHistory} from './history.js';

const PERIOD_MS = 1000;

// What is drawn: a cap's use, the rate of a counter, or the hit rate.
const CHARTS = [
  {id: 'views', title: 'Views open', cap: 'views', text: count},
  {id: 'mapped', title: 'Mapped', cap: 'mapped_bytes', text: binaryBytes},
  {id: 'requests', title: 'Requests per second', rate: ['requests'],
    text: short},
  {id: 'hits', title: 'View hit rate', hit: true, text: percent},
  {id: 'evictions', title: 'Evictions per second', rate: ['view_evictions'],
    text: short},
  {id: 'refused', title: 'Refused per second', text: short, bad: true,
    rate: ['refused', 'cap_refusals']},
];

function valueOf(chart, history, index) {
  if (chart.hit) {
    return hitRate(history, index);
  }
  return chart.rate ? rate(history, index, chart.rate) :
    history[index].status.caps?.[chart.cap]?.now ?? NaN;
}

/** What the top of a chart stands for; undefined: its highest value. */
const topOf = (chart, status) =>
  (chart.hit ? 1 : status.caps?.[chart.cap]?.cap);

function createFigure(chart) {
  const drawing = createChart(SAMPLES);
  const value = h('strong', {class: 'chart-value', id: `now-${chart.id}`}, '–');
  const cap = h('span', {class: 'chart-of'});
  const node = h('figure', {class: 'figure', id: `chart-${chart.id}`},
    h('figcaption', {}, h('span', {}, chart.title),
      h('span', {class: 'chart-now'}, value, cap)), drawing.node);

  function draw(history) {
    const values = history.map((_, i) => valueOf(chart, history, i));
    const limit = topOf(chart, history.at(-1).status);
    drawing.draw(values, limit);
    value.textContent = chart.text(values.at(-1));
    cap.textContent = limit && chart.cap ?
      ` of ${chart.text(limit)}` : '';
    node.classList.toggle('alarm', Boolean(chart.bad) && values.at(-1) > 0);
  }

  return {node, draw};
}

const LIMITS = {views: 'Views', mapped_bytes: 'Mapped',
  bodies_bytes: 'Tiles in flight', index_bytes: 'Indexes',
  documents_bytes: 'Documents', handles: 'File handles',
  prepared_bytes: 'Tiles kept ready', connections: 'Connections',
  queue: 'Cold reads waiting'};

/** A name for what a later server may count and this page does not know. */
const plainName = (key) => key.replace(/_bytes$/, '').replaceAll('_', ' ');

function limitRow(key, use) {
  const text = key.endsWith('_bytes') ? binaryBytes : count;
  return h('tr', {}, h('th', {scope: 'row'}, LIMITS[key] ?? plainName(key)),
    [use.now, use.high, use.cap].map((value) => h('td', {}, text(value))));
}

function limitTable(status) {
  return h('table', {class: 'table'},
    h('caption', {}, 'Limits'),
    h('thead', {}, h('tr', {}, ['Limit', 'Now', 'Highest', 'Cap']
      .map((text) => h('th', {scope: 'col'}, text)))),
    h('tbody', {}, Object.entries(status.caps ?? {})
      .map(([key, use]) => limitRow(key, use))));
}

const TOTALS = {requests: 'Requests', tiles_warm: 'Tiles from touched memory',
  tiles_cold: 'Tiles read first', sent_bytes: 'Sent',
  view_opens: 'Packs opened', view_evictions: 'Packs let go',
  cap_waits: 'Waits at a cap', cap_refusals: 'Refused at a cap',
  refused: 'Requests refused', errors: 'Errors',
  corrupt: 'Damaged tiles caught'};

function totals(status) {
  const rows = Object.entries(TOTALS)
    .filter(([key]) => key in (status.counters ?? {}));
  return h('dl', {class: 'facts'},
    h('dt', {}, 'Running for'), h('dd', {}, duration(status.uptime_ms / 1000)),
    rows.flatMap(([key, name]) => [h('dt', {}, name),
      h('dd', {id: `total-${key}`}, (key === 'sent_bytes' ? bytes : count)(
        status.counters[key]))]),
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
    /** @returns {boolean} whether asking again makes sense */
    fail(error) {
      const off = /\b40[34]$/.test(error.message);
      message.hidden = false;
      message.textContent = off ?
        'This server does not tell its numbers: status is switched off.' :
        `No answer from the server. ${error.message}`;
      return !off;
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
        let again = true;
        if (!document.hidden) {
          try {
            const status = await loadStatus(stop.signal);
            history.add(status, performance.now());
            view.show(history.samples);
          } catch (error) {
            again = stop.signal.aborted || view.fail(error);
          }
        }
        if (again && !stop.signal.aborted) {
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
