import type { InputsReport, JacobianReport } from '../jacobians.js';
import { formatCount, formatNumber, formatShare, statisticDigits } from '../numbers.js';
import { cutLeft, printableName } from '../printable.js';
import { plural } from '../wording.js';
import type { JacobianCells } from './jacobianCells.js';
import { columnGap, tableLines, tableWidth, textColumn, type TextColumn } from './textTable.js';

/** Longer names push the numbers out of sight … */
const widestName = 44;
/** … and are cut to this before a number is left out. */
const narrowestName = 16;

/** Titles of the table, what they mean, and the cells below them. */
const numberColumns: readonly (readonly [title: string, cell: Exclude<keyof JacobianCells, 'label'>, meaning: string])[] = [
  ['in → layer', 'toLayer', 'in → layer: largest singular value σ₁ of ∂layer/∂x, the median over the inputs.'],
  ['5–95 %', 'range', '5–95 %: its quantiles.'],
  ['largest', 'largest', 'largest: the largest of these inputs.'],
  ['bound', 'bound', 'bound: proven for every input, and how many times the largest it is.'],
  ['local', 'local', 'local: median σ₁ of ∂layer/∂(the nearest earlier layer that all paths go through).'],
  ['layer → out', 'toOutput', 'layer → out: median σ₁ of ∂f/∂layer.'],
  ['ln σ local', 'isometry', 'ln σ local: mean ± deviation over the local singular values; an isometry has 0 ± 0.'],
  ['rank', 'effectiveRank', 'rank: effective rank of ∂layer/∂x, of how many directions.'],
];

/** What is left out first where there is no room. */
const dispensable: readonly (keyof JacobianCells)[] = ['effectiveRank', 'isometry', 'range', 'bound', 'largest'];

/**
 * The layers' Jacobians in at most `width` columns: names are cut on the left, then columns are left out.
 *
 * @returns lines, and the meanings of the columns that are there
 */
export function jacobianTable(rows: readonly JacobianCells[], width: number): { lines: string[]; meanings: string } {
  const names = rows.map(({ label }) => cutLeft(printableName(label), widestName));
  const longest = textColumn('layer', 'left', names).width;
  // A column in which nothing exists says nothing.
  let shown = numberColumns.filter(([, cell]) => rows.some((row) => row[cell] !== '–'));
  const leftOut: string[] = [];
  const columns = (): TextColumn[] => shown.map(([title, cell]) => textColumn(title, 'right', rows.map((row) => row[cell])));
  const room = (): number => width - tableWidth(columns()) - columnGap;
  for (const dropped of dispensable) {
    if (room() >= Math.min(longest, narrowestName)) break;
    leftOut.push(...shown.flatMap(([title, cell]) => (cell === dropped ? [title] : [])));
    shown = shown.filter(([, cell]) => cell !== dropped);
  }
  const cut = names.map((name) => cutLeft(name, Math.max(narrowestName, room())));
  const meanings = shown.map(([, , meaning]) => meaning);
  if (leftOut.length > 0) meanings.push(`Left out for want of width: ${leftOut.join(', ')}.`);
  return { lines: tableLines([textColumn('layer', 'left', cut), ...columns()], ''), meanings: meanings.join(' ') };
}

/** Titles and cells for formats that have tables of their own. */
export function jacobianGrid(rows: readonly JacobianCells[]): { titles: string[]; cells: string[][]; meanings: string } {
  const shown = numberColumns.filter(([, cell]) => rows.some((row) => row[cell] !== '–'));
  return { titles: shown.map(([title]) => title), cells: rows.map((row) => shown.map(([, cell]) => row[cell])), meanings: shown.map(([, , meaning]) => meaning).join(' ') };
}

/** `Jacobians of 8 layers`, and of how many uses where there are more. */
export function jacobianHeading({ layers }: JacobianReport): string {
  const distinct = new Set(layers.map(({ layer }) => layer)).size;
  return `Jacobians of ${plural(distinct, 'layer')}${distinct < layers.length ? ` in ${plural(layers.length, 'use')}` : ''}`;
}

/** What the numbers rest on, a sentence a line: the inputs, the derivatives, and how steady the gradient is. */
export function jacobianBasis(inputs: InputsReport, jacobians: JacobianReport): string[] {
  return [inputsSentence(inputs, jacobians.inputIndices.length), ...(inputs.note === null ? [] : [inputs.note]), checkSentence(jacobians), ...attributionSentence(jacobians, inputs)];
}

function inputsSentence({ source, file, n, seed, preprocessing, shape, accuracy, accuracyOf }: InputsReport, sampled: number): string {
  const size = shape.join(' × ');
  if (source === 'synthetic') return `Inputs: ${plural(sampled, 'random one')} of ${size} (normal, seed ${seed}), preprocessing ${preprocessing}: every number of them is an example (≈), none of real inputs.`;
  const which = sampled < n ? `${formatCount(sampled)} of ${plural(n, 'input')} (sample of seed ${seed})` : plural(n, 'input');
  const right = accuracy === null ? '' : `; accuracy ${formatShare(accuracy)}${accuracyOf === null ? '' : ` of ${formatCount(accuracyOf)}`}`;
  return `Inputs: ${which} of ${size} from ${file ?? 'a file'}, preprocessing ${preprocessing}${right}.`;
}

function checkSentence({ precision, selfCheck }: JacobianReport): string {
  const { adjoint, float64, float64Reason, differences, n } = selfCheck;
  const error = (value: number): string => formatNumber(value, statisticDigits);
  const parts = [
    ...(adjoint === null ? [] : [`⟨u, Jv⟩ against ⟨Jᵀu, v⟩ ${error(adjoint)}`]),
    ...(float64 === null ? [] : [`float32 against float64 ${error(float64)}`]),
    ...(differences === null ? [] : [`derivatives against differences ${error(differences)}`]),
  ];
  const checked = parts.length === 0 ? 'not checked' : `checked at ${plural(n, 'input')} in random directions, relative errors: ${parts.join(', ')}`;
  return `Derivatives: ${precision}, ${checked}.${float64 === null && float64Reason !== null ? ` There is no float64 to compare with: ${float64Reason.replace(/\.$/u, '')}.` : ''}`;
}

function attributionSentence({ attribution }: JacobianReport, { source }: InputsReport): string[] {
  if (attribution === null || attribution.cosine['0.5'].length === 0) return [];
  const levels = attribution.noise.map((level) => formatShare(level, 1)).join(', ');
  const sign = source === 'synthetic' ? '≈ ' : '';
  const cosines = attribution.cosine['0.5'].map((cosine) => sign + formatNumber(cosine, 3)).join(', ');
  return [`Attributions: under noise of ${levels} of the input’s length the gradient of the predicted class keeps the cosine ${cosines} with itself (medians of ${plural(attribution.n - attribution.zeroGradients, 'input')}).`];
}
