import { formatNumber } from '../numbers.js';
import { cutLeft, printableName } from '../printable.js';
import type { LayerReport, OperatorSpectrum } from '../report.js';
import { nothing, numberText } from '../wording.js';
import { columnGap, tableLines, tableWidth, textColumn } from './textTable.js';

/** The least that names get. */
const narrowestName = 12;

/**
 * Largest and smallest singular value of each convolution as an operator on images, for both conventions of padding.
 *
 * @returns no lines where no layer has such a spectrum
 */
export function operatorTable(layers: readonly LayerReport[], width: number): string[] {
  const rows = layers.flatMap(({ id, operatorSpectra = [] }) => {
    if (operatorSpectra.length === 0) return [];
    const of = (convention: OperatorSpectrum['convention']) => operatorSpectra.find((spectrum) => spectrum.convention === convention);
    return [{ name: printableName(id), input: operatorSpectra[0].inputSize.join('×'), circular: of('circular'), declared: of('declared') }];
  });
  if (rows.length === 0) return [];
  const column = (title: string, cell: (row: (typeof rows)[number]) => string) => textColumn(title, 'right', rows.map(cell));
  const numbers = [
    column('input', (row) => row.input),
    column('circular σ₁', (row) => largestText(row.circular)),
    column('smallest', (row) => smallestText(row.circular)),
    column('declared σ₁', (row) => largestText(row.declared)),
    column('smallest', (row) => smallestText(row.declared)),
  ];
  const room = Math.max(narrowestName, width - tableWidth(numbers) - columnGap);
  return tableLines([textColumn('layer', 'left', rows.map((row) => cutLeft(row.name, room))), ...numbers], '');
}

function largestText(spectrum: OperatorSpectrum | undefined): string {
  return spectrum === undefined ? nothing : sign(spectrum) + numberText(spectrum.largest);
}

/** A value below the stated error says only that it is not larger than that. */
function smallestText(spectrum: OperatorSpectrum | undefined): string {
  if (spectrum === undefined || spectrum.smallest === null) return nothing;
  const error = spectrum.relativeError * spectrum.largest;
  return spectrum.smallest < error ? `≤ ${formatNumber(error, 2)}` : sign(spectrum) + numberText(spectrum.smallest);
}

function sign(spectrum: OperatorSpectrum): string {
  return spectrum.exact ? '' : '≈ ';
}
