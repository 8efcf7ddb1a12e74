// The results of linearAlgebra.mjs for the documentation: tables, and a chart of the ratio over the size.
import { compile } from 'vega-lite';
import { parse, View } from 'vega';

const show = (ms) => (ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0));

/** Markdown of all results; `chart` is the file name of the chart beside it. */
export function markdownTable(machine, date, groups, results, peers, chart) {
  const sections = Object.entries(groups).flatMap(([group, { title }]) => {
    const rows = results.filter((result) => result.group === group);
    if (rows.length === 0) return [];
    const head = `| matrix | ours | ${peers.join(' | ')} | ours against ${peers[0]} | target | largest difference | engine |`;
    const line = head.replace(/[^|]+/g, ' --- ');
    const body = rows.map(({ label, ours, peers: theirs, ratio, target, difference, engine }) => `| ${label} | ${show(ours.median)} | ${peers.map((name) => show(theirs[name].median)).join(' | ')} | ${ratio.toFixed(2)}× | ${target === null ? '' : `${target}×`} | ${difference.toExponential(1)} | ${engine} |`);
    return [`## ${title}`, '', head, line, ...body, ''];
  });
  const foreign = results.map((result) => result.foreign).filter((share) => share !== null);
  const busy = foreign.length > 0 ? ` Other programs took up to ${Math.round(100 * Math.max(...foreign))} % of the processors meanwhile.` : '';
  return [
    '# Linear algebra, measured',
    '',
    `Made by \`npm run bench -- linalg --markdown docs/benchmarks/linear-algebra.md\` on ${date}: ${machine}. Milliseconds, medians of runs taken in turns; every program may use all processors. The difference is that of all values from ${peers[0]}'s, relative to the largest.${busy}`,
    '',
    `![Ratio of the times over the size of the matrix](${chart})`,
    '',
    ...sections,
  ].join('\n');
}

/** SVG: how many times faster than the first peer, over the shorter side. */
export async function ratioChart(groups, results, peer) {
  const values = results.filter(({ group }) => group !== 'tall').map(({ group, label, ratio }) => ({ size: Number(label.split(' ')[0]), ratio, kind: groups[group].short }));
  const specification = {
    data: { values },
    width: 520,
    height: 240,
    background: '#ffffff',
    layer: [
      { data: { values: [{ ratio: 1 }] }, mark: { type: 'rule', strokeDash: [4, 3], color: '#888888' }, encoding: { y: { field: 'ratio', type: 'quantitative' } } },
      {
        mark: { type: 'line', point: true },
        encoding: {
          x: { field: 'size', type: 'quantitative', scale: { type: 'log', base: 2, nice: false }, axis: { title: 'size n of an n × n matrix', values: [...new Set(values.map(({ size }) => size))] } },
          y: { field: 'ratio', type: 'quantitative', axis: { title: `times faster than ${peer}` } },
          color: { field: 'kind', type: 'nominal', legend: { title: null, orient: 'top' } },
        },
      },
    ],
  };
  return new View(parse(compile(specification).spec), { renderer: 'none' }).toSVG();
}
