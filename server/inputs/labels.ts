import path from 'node:path';
import { counted, quote } from '../formats/sentences.js';
import { splitArrayName } from './arrayName.js';
import { readTable } from './csv.js';
import { elementCount, formatShape, InputsError, type InputArray } from './inputArray.js';
import { HEAD_BYTES, isText, withInputFile } from './inputFile.js';
import { isNpy, readNpy } from './npy.js';
import { listNames, openNpz } from './npz.js';
import { isZip } from './zip.js';

/** An array's name that may be the labels', to be proposed. */
const labelName = /label|class|target/i;

/**
 * Labels from a file of their own: FILE.npz#NAME (`y` by default, or the archive's only array), .npy, or a csv of one
 * column, with or without a header.
 * @throws InputsError as the readers do, `inputs/labels` where the values are no whole numbers from 0
 */
export async function readLabels(file: string): Promise<number[]> {
  const { path: at, array } = await splitArrayName(file);
  const name = path.basename(at);
  return await withInputFile(at, async (source) => {
    const head = await source.read(0, Math.min(source.size, HEAD_BYTES));
    if (isNpy(head)) return labelsOf(await readNpy(source, { name }), name);
    if (isZip(head)) {
      const npz = await openNpz(source);
      const wanted = array ?? (npz.names.includes('y') ? 'y' : npz.names.length === 1 ? npz.names[0] : null);
      if (wanted === null) throw new InputsError('inputs/missing-array', `${name} holds no array 'y', but ${listNames(npz.names)}: name the labels as ${name}#${npz.names.find((other) => labelName.test(other)) ?? 'NAME'}.`);
      return labelsOf(await npz.read(wanted), `${quote(wanted)} in ${name}`);
    }
    if (!isText(head)) throw new InputsError('inputs/not-recognised', `${name} is neither npz, npy nor csv: save the labels with numpy.save.`);
    const { values, rows, columns } = await readTable(source);
    return labelsOf({ dtype: 'float64', shape: columns === 1 ? [rows] : rows === 1 ? [columns] : [rows, columns], data: values }, name);
  });
}

/**
 * An array as labels: [n] or [n, 1] whole numbers from 0.
 * @throws InputsError `inputs/labels`
 */
export function labelsOf(array: InputArray, name: string): number[] {
  const [n, ...rest] = array.shape;
  if (array.shape.length === 0 || elementCount(rest) !== 1) throw new InputsError('inputs/labels', `${name} is ${formatShape(array.shape)}, and labels are one number an input ([n]): save the class's number, e.g. with argmax over one-hot rows.`);
  const labels = Array.from(array.data, Number);
  const wrong = labels.findIndex((label) => !Number.isSafeInteger(label) || label < 0);
  if (wrong >= 0) throw new InputsError('inputs/labels', `${name} has the label ${labels[wrong]} for input ${wrong} of ${n}, and labels are whole numbers from 0: save the class's number.`);
  return labels;
}

/** @throws InputsError `inputs/labels` with both numbers where there is not one label an input */
export function checkLabelCount(labels: readonly number[], n: number, name: string): void {
  if (labels.length !== n) throw new InputsError('inputs/labels', `${name} holds ${counted(labels.length, 'label')} for ${counted(n, 'input')}: give one label an input.`);
}
