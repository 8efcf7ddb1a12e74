import type { JacobianOverview, Stretch } from '../../server/report/jacobianViews.js';
import { integer, missing, significant } from '../numbers.js';
import { t } from '../strings.js';
import { type Chart, type ChartTheme, colour, type Json, layered, quantitative, type Specification } from './chart.js';
import { classWords, stretchNumber } from './jacobianWords.js';

const height = 190;
/** Empty rows above and below the ticks, in rows. */
const tickHeight = 26;
const selectedHeight = 34;

interface Tick {
  position: number;
  value: number;
  row: number;
}

/** σ₁ of the output at every input: right and wrong predictions in a row each, where labels are known. */
export function jacobianInputsChart(overview: JacobianOverview, input: number | null): Chart {
  const { samples, output } = overview;
  const judged = samples.label.some((label) => label !== null) && samples.prediction.some((prediction) => prediction !== null);
  const isRight = (position: number): boolean => samples.label[position] === samples.prediction[position];
  const ticks = output === null ? [] : samples.order.map((position): Tick => ({ position, value: output.values[position], row: judged && !isRight(position) ? 1 : 0 }));
  const names = judged ? [t('right'), t('wrong')] : [t('inputs')];
  const counts = names.map((_, row) => ticks.filter((tick) => tick.row === row).length);
  const selected = input === null ? -1 : samples.index.indexOf(input);
  return {
    id: 'jacobian-inputs',
    title: t('Inputs by stretch'),
    unit: output === null ? '' : judged ? t('{0} right, {1} wrong', integer(counts[0]), integer(counts[1])) : t('{0} inputs', integer(ticks.length)),
    label: output === null ? t('σ₁ of the output is not known.') : t('σ₁ of the output by input: {0} to {1}, median {2}.', stretchNumber(output.smallest, output, overview), stretchNumber(output.largest, output, overview), stretchNumber(output.q50, output, overview)),
    height,
    xScale: 'x',
    note: output === null ? (overview.state === 'running' ? t('Drawn when the output is done.') : (overview.outputReason ?? t('The output has no Jacobian.'))) : noteOf(ticks, judged),
    key: selected < 0 || ticks.length === 0 ? [] : [{ swatch: 'selectedTick', text: t('input {0}', input ?? '') }],
    table: { columns: [t('input'), t('label'), t('prediction'), 'σ₁'], rows: ticks.map(({ position, value }) => [samples.index[position], samples.label[position], samples.prediction[position], value]) },
    points: output === null ? [] : ticks.map(({ position, value, row }, place) => ({
      x: value,
      y: row + 0.5,
      input: samples.index[position],
      lines: [t('input {0}', samples.index[position]), t('σ₁ of the output {0}, {1} of {2} by size', stretchNumber(value, output, overview), integer(ticks.length - place), integer(ticks.length)), ...classWords(overview, position)],
    })),
    specification: output === null || ticks.length === 0 ? null : (theme) => specification(theme, ticks, selected, names, output),
  };
}

function specification(theme: ChartTheme, ticks: readonly Tick[], selected: number, names: readonly string[], output: Stretch): Specification {
  const room = (output.largest - output.smallest) * 0.08 || Math.max(output.largest * 0.1, 1e-6);
  const x = quantitative('value', { scale: { domain: [Math.max(0, output.smallest - room), output.largest + room], nice: false, zero: false }, axis: { title: t('σ₁ of ∂f/∂input'), grid: true, tickCount: 6 } });
  const y = (field: string): Specification => quantitative(field, { scale: { domain: [0, names.length], reverse: true, nice: false, zero: false }, axis: { title: null, labels: false, ticks: false, domain: false, grid: false } });
  const some = (chosen: (tick: Tick) => boolean): Json[] => ticks.filter(chosen).map(({ value, row }) => ({ value, row: row + 0.5 }));
  const layers: Json[] = [
    { data: { values: some((tick) => tick.position !== selected) }, mark: { type: 'tick', orient: 'vertical', size: tickHeight, thickness: 1.2, color: colour.context }, encoding: { x, y: y('row') } },
    { data: { values: some((tick) => tick.position === selected) }, mark: { type: 'tick', orient: 'vertical', size: selectedHeight, thickness: 2, color: colour.selected }, encoding: { x, y: y('row') } },
    { data: { values: names.map((name, row) => ({ name, row: row + 0.5 })) }, mark: { type: 'text', align: 'right', color: colour.text }, encoding: { x: { value: -8 }, y: y('row'), text: { field: 'name', type: 'nominal' } } },
  ];
  return layered(theme, height, layers);
}

function noteOf(ticks: readonly Tick[], judged: boolean): string {
  if (!judged) return t('A diagnostic, not an alarm: a large stretch is no error by itself.');
  const median = (row: number): string | null => {
    const values = ticks.filter((tick) => tick.row === row).map((tick) => tick.value);
    if (values.length === 0) return null;
    const middle = values.length >> 1;
    return significant(values.length % 2 === 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2, 3);
  };
  const [right, wrong] = [median(0), median(1)];
  if (wrong === null) return t('Median {0}; every prediction is right. A diagnostic, not an alarm.', right ?? missing);
  if (right === null) return t('Median {0}; every prediction is wrong. A diagnostic, not an alarm.', wrong);
  return t('Median {0} where the prediction is right, {1} where it is wrong. A diagnostic, not an alarm.', right, wrong);
}
