import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ByteSource } from '../formats/byteSource.js';
import type { ValueInfo } from '../formats/modelFile.js';
import { counted, quote } from '../formats/sentences.js';
import { splitArrayName, type NamedArray } from './arrayName.js';
import { readTable } from './csv.js';
import { imageKind } from './decodeImage.js';
import { readImageFolder } from './images.js';
import { elementCount, formatShape, InputsError, type InputArray } from './inputArray.js';
import { HEAD_BYTES, isText, LARGEST_ARRAY_BYTES, withInputFile } from './inputFile.js';
import { checkLabelCount, labelsOf, readLabels } from './labels.js';
import { fitToModel, sampleShape, type Layout, type SampleShape } from './layout.js';
import { isNpy, readNpy } from './npy.js';
import { listNames, openNpz } from './npz.js';
import { rawType, readRaw } from './raw.js';
import { isZip } from './zip.js';

export interface ReadInputsOptions {
  /** Of the model, as it declares them. */
  modelInputs: readonly Pick<ValueInfo, 'name' | 'dtype' | 'shape'>[];
  /** The model input that the inputs are for; the first by default. */
  variable?: string;
  /** A file of labels; it goes before labels that the inputs bring with them. */
  labels?: string | null;
  /** The file's layout, if stated. */
  layout?: Layout | null;
  resize?: boolean;
  /** Most bytes that one array may fill. */
  largest?: number;
  signal?: AbortSignal;
}

/** Where inputs came from, for the report and the panel. */
export interface InputSource {
  kind: 'npz' | 'npy' | 'csv' | 'images' | 'raw';
  /** Absolute. */
  path: string;
  /** Of the file, or of all pictures. */
  bytes: number;
  /** The array's name in an npz. */
  array: string | null;
  /** As stored. */
  dtype: InputArray['dtype'];
  /** As stored, the batch first. */
  shape: number[];
  /** Of a picture's sample. */
  bits: 8 | 16 | null;
  /** Names of the pictures below the folder, by input. */
  files: string[] | null;
  /** Names of the classes' subfolders. */
  classes: string[] | null;
  /** How many pictures had another size than the model's. */
  resized: number;
  /** As stated or, for pictures, as read. */
  layout: Layout | null;
  /** Why an array `y` or a first column that the inputs bring with them is not taken as labels. */
  labelNote: string | null;
}

/** Inputs for one input of a model, not yet preprocessed: [n, ...sample] in the model's layout. */
export interface ModelInputs extends InputArray {
  labels: number[] | null;
  /** Arrays for the model's other inputs, by name: one for each input (first dimension n), or one held for all. */
  others: Map<string, { array: InputArray; perInput: boolean }>;
  source: InputSource;
}

interface Found {
  array: InputArray;
  labels: number[] | null;
  others: Map<string, InputArray>;
  source: InputSource;
}

interface FoundLabels {
  labels: number[] | null;
  labelNote: string | null;
}

/**
 * Reads inputs of any kind (npz, npy, csv, a folder of pictures, bare numbers), told apart by content, and fits them to
 * the model: layout and shape, never values.
 * @param file a path, or FILE.npz#NAME
 * @throws InputsError
 */
export async function readInputs(file: string, options: ReadInputsOptions): Promise<ModelInputs> {
  const variable = options.modelInputs.find(({ name }) => name === (options.variable ?? name));
  if (options.modelInputs.length === 0) throw new InputsError('inputs/option', `The model has no input, so none can be read for it from ${path.basename(file)}: leave out the inputs.`);
  if (variable === undefined) throw new InputsError('inputs/option', `The model has no input ${quote(options.variable ?? '')}, but ${listNames(options.modelInputs.map(({ name }) => name))}: name one of them.`);
  const model = sampleShape(variable);
  const named = await splitArrayName(file);
  const isFolder = await stat(named.path).then(
    (status) => status.isDirectory(),
    () => false,
  );
  const found = isFolder ? await fromFolder(named.path, model, options) : await withInputFile(named.path, (source) => fromFile(source, named, variable, model, options));
  const title = found.source.array === null ? path.basename(named.path) : `${quote(found.source.array)} in ${path.basename(named.path)}`;
  // Pictures are read in the model's layout, where it has one.
  const array = isFolder ? fitToModel(found.array, model, null, title) : fitToModel(found.array, model, options.layout ?? null, title);
  const n = array.shape[0];
  if (elementCount(array.shape) === 0) throw new InputsError('inputs/empty', `${title} is ${formatShape(array.shape)} and holds no inputs: give at least one.`);
  const labels = await labelsFor(found, n, options.labels ?? null, title);
  const declared = new Map(options.modelInputs.map(({ name, shape }) => [name, shape]));
  const others = new Map([...found.others].map(([name, other]) => [name, { array: other, perInput: isPerInput(other, declared.get(name) ?? null, n) }]));
  return { ...array, labels, others, source: found.source };
}

async function labelsFor(found: Found, n: number, file: string | null, title: string): Promise<number[] | null> {
  const labels = file === null ? found.labels : await readLabels(file);
  if (labels !== null) checkLabelCount(labels, n, file === null ? title : path.basename(file));
  return labels;
}

/** An input whose declared first dimension is open or 1 takes one slice for each of n inputs. */
function isPerInput({ shape }: InputArray, declared: ValueInfo['shape'], n: number): boolean {
  if (shape.length === 0 || shape[0] !== n) return false;
  return declared === null || (declared.length > 0 && (typeof declared[0] !== 'number' || declared[0] === 1));
}

async function fromFolder(folder: string, model: SampleShape, { layout = null, resize = false, largest = LARGEST_ARRAY_BYTES, signal }: ReadInputsOptions): Promise<Found> {
  const { array, labels, classes, files, bytes, ...rest } = await readImageFolder(folder, { model, layout, resize, largest, ...(signal === undefined ? {} : { signal }) });
  const source: InputSource = { kind: 'images', path: path.resolve(folder), bytes, array: null, dtype: array.dtype, shape: array.shape, bits: rest.bits, files, classes, resized: rest.resized, layout: rest.layout, labelNote: null };
  return { array, labels, others: new Map(), source };
}

async function fromFile(source: ByteSource, named: NamedArray, variable: Pick<ValueInfo, 'name' | 'dtype'>, model: SampleShape, options: ReadInputsOptions): Promise<Found> {
  const { layout = null, largest = LARGEST_ARRAY_BYTES } = options;
  const name = path.basename(source.path);
  const head = await source.read(0, Math.min(source.size, HEAD_BYTES));
  const answer = (kind: InputSource['kind'], array: InputArray, more: Partial<FoundLabels> & { others?: Map<string, InputArray>; member?: string } = {}): Found => ({
    array,
    labels: more.labels ?? null,
    others: more.others ?? new Map<string, InputArray>(),
    source: { kind, path: source.path, bytes: source.size, array: more.member ?? null, dtype: array.dtype, shape: array.shape, bits: null, files: null, classes: null, resized: 0, layout, labelNote: more.labelNote ?? null },
  });
  if (isZip(head)) {
    const { array, ...more } = await fromNpz(source, named.array, variable.name, options);
    return answer('npz', array, more);
  }
  if (named.array !== null) throw new InputsError('inputs/option', `${name} is no .npz archive, so it has no array ${quote(named.array)}: leave out #${named.array}.`);
  if (isNpy(head)) return answer('npy', await readNpy(source, { name, largest }));
  if (imageKind(head) !== null) throw new InputsError('inputs/not-recognised', `${name} is a single picture: give the folder that holds it.`);
  const bare = rawType(source.path, variable.dtype);
  if (bare !== null) return answer('raw', await readRaw(source, bare, model, largest));
  if (!isText(head)) throw new InputsError('inputs/not-recognised', `${name} is neither npz, npy, csv, a folder of pictures nor bare numbers (.raw, .bin, .f32, .u8 …): convert it with numpy.savez.`);
  const { array, ...labels } = await fromTable(source, model, largest);
  return answer('csv', array, labels);
}

async function fromNpz(source: ByteSource, wanted: string | null, variable: string, { modelInputs, largest }: ReadInputsOptions): Promise<FoundLabels & { array: InputArray; others: Map<string, InputArray>; member: string }> {
  const archive = path.basename(source.path);
  const npz = await openNpz(source, largest);
  const member = wanted ?? [variable, 'x'].find((name) => npz.names.includes(name));
  if (member === undefined) throw new InputsError('inputs/missing-array', `${archive} holds ${listNames(npz.names)}, but ${variable === 'x' ? "no 'x'" : `neither ${quote(variable)} (the model's input) nor 'x'`}: name the inputs as ${archive}#${npz.names[0]}.`);
  const array = await npz.read(member);
  const others = new Map<string, InputArray>();
  for (const { name } of modelInputs) if (name !== variable && name !== member && npz.names.includes(name)) others.set(name, await npz.read(name));
  // An input of the model may be named y: then it is no array of labels.
  if (!npz.names.includes('y') || member === 'y' || others.has('y')) return { array, labels: null, labelNote: null, others, member };
  const y = await npz.read('y');
  // An array that was picked by name may be one of several (train, test), of which y belongs to another.
  const belongs = wanted === null || y.shape[0] === array.shape[0];
  return { array, ...(belongs ? labelsIfAny(y, `'y' in ${archive}`) : { labels: null, labelNote: null }), others, member };
}

/** The first column is the label when there is one column more than an input has elements. */
async function fromTable(source: ByteSource, model: SampleShape, largest: number): Promise<FoundLabels & { array: InputArray }> {
  const name = path.basename(source.path);
  const { rows, columns, values } = await readTable(source, largest);
  const closed = model.dimensions?.every((size) => size !== null) === true;
  const elements = closed ? elementCount(model.dimensions?.map((size) => size ?? 1) ?? []) : columns;
  if (columns === elements) return { array: { dtype: 'float64', shape: [rows, columns], data: values }, labels: null, labelNote: null };
  if (columns !== elements + 1) throw new InputsError('inputs/shape', `${name} has ${counted(columns, 'column')}, and the model takes ${counted(elements, 'element')} an input: give ${elements} columns, or ${elements + 1} with the label first.`);
  const data = new Float64Array(rows * elements);
  for (let row = 0; row < rows; row++) data.set(values.subarray(row * columns + 1, (row + 1) * columns), row * elements);
  const first = Float64Array.from({ length: rows }, (_, row) => values[row * columns]);
  return { array: { dtype: 'float64', shape: [rows, elements], data }, ...labelsIfAny({ dtype: 'float64', shape: [rows], data: first }, `The first column of ${name}`) };
}

/** Targets of a regression are no labels: the inputs are good without, and the report says why. */
function labelsIfAny(array: InputArray, name: string): FoundLabels {
  try {
    return { labels: labelsOf(array, name), labelNote: null };
  } catch (error) {
    if (error instanceof InputsError && error.code === 'inputs/labels') return { labels: null, labelNote: error.message };
    throw error;
  }
}
