import { bitsPerElement, elementCount, formatShape, isNumeric, storedBytes } from '../dtypes.js';
import { ModelFileError, type DType, type StoredTensor } from '../modelFile.js';
import { counted, formatBytes, quote } from '../sentences.js';
import { MAX_VARINT_BYTES, VarintDecoder } from '../varints.js';
import { widening } from '../widen.js';
import { countNumbers, keyValue, MAX_TENSORS, modelName, text, type Context } from './context.js';
import { dataType, LAST_DATA_TYPE, TENSOR } from './schema.js';
import { readVarint, signed64, WIRE, type Field } from './wire.js';

/** Elements that a typed field may hold one by one (unpacked) or in several packed pieces; exporters write one packed piece. */
const MAX_LOOSE_ELEMENTS = 65_536;
/** Shapes, axes and indices of up to so many elements come with their values, so that graphs can be followed without reading. */
const MAX_INLINE_ELEMENTS = 1024;

const EXTERNAL = 1;

type TypedField = typeof TENSOR.floatData | typeof TENSOR.int32Data | typeof TENSOR.int64Data | typeof TENSOR.doubleData | typeof TENSOR.uint64Data;

/** The typed field that holds elements of a type when raw_data does not (onnx.proto3, TensorProto). */
function typedField(dtype: DType): TypedField {
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return TENSOR.floatData;
    case 'float64':
    case 'complex128':
      return TENSOR.doubleData;
    case 'int64':
      return TENSOR.int64Data;
    case 'uint64':
    case 'uint32':
      return TENSOR.uint64Data;
    default:
      return TENSOR.int32Data;
  }
}

interface Piece {
  start: number;
  length: number;
  packed: boolean;
}

/** A TensorProto as its fields stand in the file. */
interface RawTensor {
  name: string;
  dims: number[];
  dataType: number;
  raw: { start: number; length: number } | null;
  typed: Map<number, Piece[]>;
  external: { key: string; value: string }[];
  isExternal: boolean;
  segmented: boolean;
}

function collect(context: Context, start: number, length: number): RawTensor {
  const { skeleton } = context;
  const tensor: RawTensor = { name: '', dims: [], dataType: 0, raw: null, typed: new Map(), external: [], isExternal: false, segmented: false };
  skeleton.fields(start, start + length, (field) => {
    switch (field.number) {
      case TENSOR.dims:
        appendIntegers(context, field, tensor.dims);
        break;
      case TENSOR.dataType:
        tensor.dataType = field.low;
        break;
      case TENSOR.segment:
        tensor.segmented = true;
        break;
      case TENSOR.name:
        tensor.name = text(context, field);
        break;
      case TENSOR.rawData:
        if (field.type === WIRE.bytes) tensor.raw = { start: field.start, length: field.length };
        break;
      case TENSOR.externalData: {
        const entry = keyValue(context, field);
        if (entry !== null) tensor.external.push(entry);
        break;
      }
      case TENSOR.dataLocation:
        tensor.isExternal = field.low === EXTERNAL;
        break;
      case TENSOR.floatData:
      case TENSOR.int32Data:
      case TENSOR.int64Data:
      case TENSOR.doubleData:
      case TENSOR.uint64Data: {
        const pieces = tensor.typed.get(field.number) ?? [];
        pieces.push({ start: field.start, length: field.length, packed: field.type === WIRE.bytes });
        if (pieces.length > MAX_LOOSE_ELEMENTS) throw new ModelFileError('model/limit', `${modelName(context)} has a tensor with more than ${MAX_LOOSE_ELEMENTS} elements written one by one at byte ${start}: export the model again with packed or raw data.`);
        tensor.typed.set(field.number, pieces);
        break;
      }
      default:
    }
  });
  return tensor;
}

/** Appends a repeated int64 field, packed or not. */
export function appendIntegers(context: Context, field: Field, values: number[]): void {
  if (field.type === WIRE.varint) {
    countNumbers(context, 1);
    values.push(signed64(field));
    return;
  }
  const bytes = field.type === WIRE.bytes ? context.skeleton.bytes(field.start, field.length) : null;
  if (bytes === null) throw new ModelFileError('model/corrupt', `${modelName(context)} has no valid list of integers at byte ${field.start}: it is damaged, so copy or export it again.`);
  countNumbers(context, bytes.length);
  const value = { low: 0, high: 0 };
  for (let at = 0; at < bytes.length; ) {
    const next = readVarint(bytes, at, value);
    if (next < 0) throw new ModelFileError('model/corrupt', `${modelName(context)} has a list of integers that breaks off at byte ${field.start + at}: it is damaged, so copy or export it again.`);
    values.push(signed64(value));
    at = next;
  }
}

/**
 * A TensorProto as a stored tensor: its data by range, unread, but for small integer lists. The element count is
 * checked against the stored bytes.
 * @param fallbackName for a tensor without a name (the value of a Constant node)
 * @throws ModelFileError
 */
export function parseTensor(context: Context, start: number, length: number, fallbackName = ''): StoredTensor {
  if (++context.tensors > MAX_TENSORS) throw new ModelFileError('model/limit', `${modelName(context)} has more than ${MAX_TENSORS} tensors: it is damaged, or too large to be shown.`);
  const raw = collect(context, start, length);
  const name = raw.name === '' ? fallbackName : raw.name;
  const dtype = dataType(raw.dataType);
  const fail = (what: string) => new ModelFileError('model/corrupt', `Tensor ${quote(name)} in ${modelName(context)} ${what}: export the model again.`);
  if (dtype === null) throw fail(`has the element type ${raw.dataType}, and the types 1 to ${LAST_DATA_TYPE} are known`);
  if (raw.segmented) throw fail('is stored in segments, which no runtime reads');
  const count = elementCount(raw.dims, `Tensor ${quote(name)} in ${modelName(context)}`);
  const tensor: StoredTensor = { name, dtype, shape: raw.dims, data: { encoding: 'inline', values: [] } };
  // Strings are named but never read: nothing analyses text.
  if (dtype === 'string') return tensor;
  const expected = storedBytes(dtype, count);
  if (raw.isExternal) {
    context.external.push({ tensor, ...externalRange(raw, fail) });
    return tensor;
  }
  const pieces = raw.typed.get(typedField(dtype)) ?? [];
  if (raw.raw !== null && (raw.raw.length > 0 || pieces.length === 0)) {
    if (raw.raw.length !== expected) throw fail(`of ${dtype} ${formatShape(raw.dims)} takes ${formatBytes(expected)}, but ${formatBytes(raw.raw.length)} are stored`);
    tensor.data = { encoding: 'raw', range: { path: context.skeleton.file, offset: raw.raw.start, length: raw.raw.length } };
  } else if (count > 0) {
    if (pieces.length === 0) throw fail(`of ${dtype} ${formatShape(raw.dims)} has ${counted(count, 'element')}, but none are stored`);
    tensor.data = typedData(context, pieces, dtype, count, fail);
  }
  return withInlineValues(context, tensor, count);
}

function typedData(context: Context, pieces: readonly Piece[], dtype: DType, count: number, fail: (what: string) => ModelFileError): StoredTensor['data'] {
  const { skeleton } = context;
  const field = typedField(dtype);
  const fixedBytes = field === TENSOR.floatData ? 4 : field === TENSOR.doubleData ? 8 : null;
  const stored = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const mismatch = (found: string) => fail(`has ${counted(count, 'element')}, but ${found} are stored`);
  if (fixedBytes !== null && stored !== storedBytes(dtype, count)) throw mismatch(formatBytes(stored));
  const varints = bitsPerElement(dtype) < 8 ? Math.ceil(count / (8 / bitsPerElement(dtype))) : count;
  if (fixedBytes === null && (stored < varints || stored > MAX_VARINT_BYTES * varints)) throw mismatch(formatBytes(stored));
  if (pieces.length === 1 && pieces[0].packed) {
    const range = { path: skeleton.file, offset: pieces[0].start, length: stored };
    if (fixedBytes !== null) return { encoding: 'raw', range };
    const kept = skeleton.bytes(range.offset, range.length);
    const found = kept?.reduce((ends, byte) => ends + (byte < 0x80 ? 1 : 0), 0) ?? varints;
    if (found !== varints) throw mismatch(`${found}`);
    return { encoding: 'varint', range };
  }
  if (count > MAX_LOOSE_ELEMENTS) throw new ModelFileError('model/limit', `${modelName(context)} has a tensor of ${count} elements in ${pieces.length} pieces, and at most ${MAX_LOOSE_ELEMENTS} are read so: export the model again with raw data.`);
  const parts = pieces.map((piece) => skeleton.bytes(piece.start, piece.length));
  if (parts.includes(null)) throw fail(`lies in ${pieces.length} long pieces, and only one is read`);
  const bytes = Uint8Array.from(Buffer.concat(parts.filter((part) => part !== null)));
  if (!isNumeric(dtype) && dtype !== 'bool') return { encoding: 'inline', values: [] };
  if (fixedBytes !== null) return { encoding: 'inline', values: widened(bytes, dtype, count) };
  const decoder = new VarintDecoder(dtype);
  const values = new Float64Array(stored * decoder.elementsPerVarint);
  const found = decoder.decode(bytes, values) / decoder.elementsPerVarint;
  if (found !== varints || !decoder.complete) throw mismatch(`${found}`);
  return { encoding: 'inline', values: [...values.subarray(0, count)] };
}

function widened(bytes: Uint8Array, dtype: DType, count: number): number[] {
  const values = new Float64Array(count);
  // A copy at offset 0: the widening asks for alignment.
  widening(dtype)(Uint8Array.from(bytes), values, 0);
  return [...values];
}

/** Lists and scalars of integers that are in memory anyway get their values; JSON carries them exactly. */
function withInlineValues(context: Context, tensor: StoredTensor, count: number): StoredTensor {
  const { data, dtype } = tensor;
  const integer = dtype === 'int64' || dtype === 'int32';
  if (!integer || tensor.shape.length > 1 || count > MAX_INLINE_ELEMENTS || data.encoding === 'inline') return tensor;
  const bytes = context.skeleton.bytes(data.range.offset, data.range.length);
  if (bytes === null) return tensor;
  let values: number[];
  if (data.encoding === 'raw') values = widened(bytes, dtype, count);
  else {
    const decoded = new Float64Array(bytes.length);
    values = [...decoded.subarray(0, new VarintDecoder(dtype).decode(bytes, decoded))];
  }
  if (values.every((value) => Number.isSafeInteger(value))) tensor.data = { encoding: 'inline', values };
  return tensor;
}

function externalRange(raw: RawTensor, fail: (what: string) => ModelFileError): { location: string; offset: number; length: number | null } {
  const entries = new Map(raw.external.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (location === undefined) throw fail('lies in another file that it does not name');
  const integer = (key: string): number | null => {
    const value = entries.get(key);
    if (value === undefined) return null;
    if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value))) throw fail(`has the ${key} ${quote(value)} of its data, which is no whole number of bytes`);
    return Number(value);
  };
  return { location, offset: integer('offset') ?? 0, length: integer('length') };
}
