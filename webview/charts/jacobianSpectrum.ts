import type { JacobianDetail, JacobianOverview } from '../../server/report/jacobianViews.js';
import { integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTheme, colour, type Json, type KeyEntry, layered, logTicks, quantitative, type Specification, ticksAt } from './chart.js';
import { spectrumSymbol, stretchNumber } from './jacobianWords.js';
import { layerTicks } from './throughTheDepth.js';

const height = 190;
/** The axis ends at this share of the largest median: below it lie null directions and rounding. */
const lowestShare = 1e-2;
const headroom = 1.15;
/** So few values have a mark each. */
const mostDots = 40;

/** All known singular values of one Jacobian: 5–95 % over the inputs, their median, and one input. */
export function jacobianSpectrumChart(detail: JacobianDetail, overview: JacobianOverview): Chart {
  const full = Math.min(detail.rows, detail.columns);
  const symbol = spectrumSymbol(detail);
  const values = detail.k.map((k, i) => ({ k, low: detail.q05[i], median: detail.q50[i], high: detail.q95[i], own: detail.input?.values[i] ?? null }));
  const largest = values.reduce((top, value) => Math.max(top, value.high, value.own ?? 0), 0);
  const title = detail.layer === null ? t('Output spectrum') : t('Spectrum of {0}', detail.label);
  const number = (value: number): string => stretchNumber(value, detail, overview);
  const key: KeyEntry[] = [{ swatch: 'band', text: t('5–95 %') }, { swatch: 'medianLine', text: t('median') }];
  if (detail.input !== null) key.push({ swatch: 'selectedLine', text: t('input {0}', detail.input.index) });
  return {
    id: 'jacobian-spectrum',
    title,
    unit: detail.known < full ? t('{0} of {1} values', integer(detail.known), integer(full)) : full === 1 ? t('1 value') : t('{0} values', integer(full)),
    label: t('{0}: σ₁ median {1}, σ of the last {2}.', title, number(detail.q50.at(0) ?? 0), number(detail.q50.at(-1) ?? 0)),
    height,
    xScale: 'x',
    note: largest === 0 ? t('All singular values are 0: there is nothing to draw on a log axis.') : noteOf(detail),
    key: largest === 0 ? [] : key,
    table: { columns: ['k', '5 %', t('median'), '95 %', ...(detail.input === null ? [] : [t('input {0}', detail.input.index)])], rows: values.map(({ k, low, median, high, own }) => [k, low, median, high, ...(detail.input === null ? [] : [own])]) },
    points: largest === 0 ? [] : values.map(({ k, low, median, high, own }) => ({
      x: k,
      y: Math.max(own ?? median, lowerEnd(detail)),
      lines: [t('k = {0} of {1}', integer(k), symbol), t('median {0}, 5–95 % {1} to {2}', number(median), number(low), number(high)), ...(own === null || detail.input === null ? [] : [t('input {0}: {1}', detail.input.index, number(own))]), t('n = {0}', integer(detail.n))],
    })),
    specification: largest === 0 ? null : (theme) => specification(theme, detail, symbol, values, largest),
  };
}

function lowerEnd(detail: JacobianDetail): number {
  const top = detail.q50.at(0) ?? 0;
  const reference = top > 0 ? top : Math.max(...detail.q95, ...(detail.input?.values ?? []));
  const positive = detail.q05.filter((value) => value >= reference * lowestShare);
  // A flat spectrum keeps its own scale; the axis still spans a factor of two.
  return Math.max(reference * lowestShare, Math.min(reference / 2, ...positive) / headroom);
}

function specification(theme: ChartTheme, detail: JacobianDetail, symbol: string, values: { k: number; low: number; median: number; high: number; own: number | null }[], largest: number): Specification {
  const low = lowerEnd(detail);
  const high = largest * headroom;
  // Values below the axis are told in words, not drawn as an empty plot.
  const visible = values.reduce((count, value, i) => (Math.max(value.high, value.own ?? 0) >= low ? i + 1 : count), 1);
  const last = values[Math.min(values.length - 1, visible)].k;
  const floor = (value: number): number => Math.max(value, low / 10);
  const x = quantitative('k', { scale: { domain: indexDomain(last), nice: false, zero: false }, axis: { title: 'k', ...ticksAt(layerTicks(Math.max(last, 2))), format: 'd', grid: false } });
  const y = (field: string): Specification => quantitative(field, { scale: { type: 'log', nice: false, domain: [low, high] }, axis: { title: t('σₖ of {0}, log', symbol), grid: true, ...ticksAt(logTicks(low, high)), labelExpr: axisLabel } });
  const band = values.map((value) => ({ k: value.k, low: floor(value.low), high: floor(value.high) }));
  const own = values.flatMap(({ k, own: value }) => (value === null ? [] : [{ k, own: floor(value) }]));
  const layers: Json[] = [
    { data: { values: band }, mark: { type: 'area', fill: 'var(--ss-band)', opacity: 1, clip: true, line: { color: 'var(--ss-edge)', strokeWidth: 1 } }, encoding: { x, y: y('low'), y2: { field: 'high' } } },
    { data: { values: band }, mark: { type: 'line', color: 'var(--ss-edge)', strokeWidth: 1, clip: true }, encoding: { x, y: y('high') } },
    { data: { values: values.map((value) => ({ k: value.k, median: floor(value.median) })) }, mark: { type: 'line', color: colour.text, strokeWidth: 1.4, clip: true }, encoding: { x, y: y('median') } },
  ];
  if (own.length > 0) {
    layers.push({ data: { values: own }, mark: { type: 'line', color: colour.selected, clip: true, ...(theme.highContrast ? { strokeDash: [4, 2] } : {}) }, encoding: { x, y: y('own') } });
    if (own.length <= mostDots) layers.push({ data: { values: own }, mark: { type: 'point', size: 22, color: colour.selected, clip: true }, encoding: { x, y: y('own') } });
  }
  // One value alone is no line.
  if (values.length === 1) layers.push({ data: { values }, mark: { type: 'point', size: 30, color: colour.text }, encoding: { x, y: y('median') } });
  return layered(theme, height, layers);
}

/** k from 1, with room for the marks at both ends. */
function indexDomain(last: number): [number, number] {
  const room = Math.max(last - 1, 1) * 0.03;
  return [1 - room, Math.max(last, 2) + room];
}

function noteOf(detail: JacobianDetail): string {
  const parts: string[] = [];
  if (detail.nullDirections !== null) parts.push(detail.nullDirections);
  if (Math.min(...detail.q05) < lowerEnd(detail)) parts.push(t('Not drawn: values below {0}.', significant(lowerEnd(detail), 2)));
  if (!detail.exact) parts.push(t('The largest values, ≈ to {0} of σ₁ at worst.', significant(detail.relativeError, 2)));
  if (detail.input === null) parts.push(t('The curve of a single input is not in this page.'));
  return parts.length === 0 ? t('Values of each k over the inputs; n = {0}.', integer(detail.n)) : parts.join(' ');
}
