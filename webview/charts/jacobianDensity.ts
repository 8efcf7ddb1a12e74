import type { JacobianDetail } from '../../server/report/jacobianViews.js';
import { integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTheme, colour, type Json, layered, logTicks, quantitative, type Specification, ticksAt } from './chart.js';

const height = 190;
/** Nodes below this share of the largest are rounding. */
const smallestShare = 1e-6;
const headroom = 1.15;

/** Where only the largest values are known: how all of them are distributed at one input, as a staircase of shares. */
export function jacobianDensityChart(detail: JacobianDetail): Chart {
  const { density } = detail;
  const all = density === null ? [] : density.nodes.map((node, i) => ({ node, share: density.shareAbove[i] }));
  const largest = all.reduce((top, value) => Math.max(top, value.node), 0);
  const drawn = all.filter(({ node }) => node > 0 && node >= largest * smallestShare);
  return {
    id: 'jacobian-density',
    title: t('All singular values, by size'),
    unit: density === null ? '' : t('≈ at input {0}', density.input),
    label: t('Share of the singular values above a size, up to {0}.', significant(largest)),
    height,
    xScale: 'x',
    note: drawn.length === 0 ? t('No density was computed for this Jacobian.') : t('Stochastic Lanczos quadrature: {0} random vectors, {1} steps each. Steps are its nodes, not single values.', integer(density?.probes ?? 0), integer(density?.steps ?? 0)),
    table: { columns: ['σ', t('share of values at or above')], rows: all.map(({ node, share }) => [node, share]) },
    points: drawn.map(({ node, share }) => ({ x: node, y: share, lines: [t('≈ {0} of the values', `${significant(share * 100, 3)} %`), t('lie at or above σ = {0}', significant(node))] })),
    specification: drawn.length === 0 ? null : (theme) => specification(theme, drawn, largest),
  };
}

function specification(theme: ChartTheme, drawn: { node: number; share: number }[], largest: number): Specification {
  const low = Math.max(drawn[0].node, largest * smallestShare) / headroom;
  const high = largest * headroom;
  const layers: Json[] = [{
    data: { values: drawn },
    mark: { type: 'line', interpolate: 'step-before', color: colour.text },
    encoding: {
      x: quantitative('node', { scale: { type: 'log', domain: [low, high], nice: false }, axis: { title: t('σ, log'), ...ticksAt(logTicks(low, high)), labelExpr: axisLabel } }),
      y: quantitative('share', { scale: { domain: [0, 1], nice: false }, axis: { title: t('share of values at or above σ'), grid: true, format: '.0%', tickCount: 3 } }),
    },
  }];
  return layered(theme, height, layers);
}
