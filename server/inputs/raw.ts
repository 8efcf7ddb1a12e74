import path from 'node:path';
import type { ByteSource } from '../formats/byteSource.js';
import { formatBytes } from '../formats/sentences.js';
import { elementCount, formatShape, InputsError, type InputArray, type InputDType } from './inputArray.js';
import { LARGEST_ARRAY_BYTES } from './inputFile.js';
import type { SampleShape } from './layout.js';
import { arrayOfBytes, widthOf } from './npy.js';

/** Names that say the element type. */
const TYPE_OF_EXTENSION: Record<string, InputDType> = {
  '.f16': 'float16', '.f32': 'float32', '.f64': 'float64',
  '.u8': 'uint8', '.u16': 'uint16', '.u32': 'uint32', '.u64': 'uint64',
  '.i8': 'int8', '.i16': 'int16', '.i32': 'int32', '.i64': 'int64',
};
/** Names that say nothing but "bytes": the elements are of the model's own type. */
const PLAIN_EXTENSIONS = new Set(['.raw', '.bin', '.dat']);

/**
 * The element type of a file of bare numbers, by its name: bytes alone do not tell it.
 * @param modelType of the model's input
 * @returns null where the name is not one of bare numbers
 */
export function rawType(file: string, modelType: string): InputDType | null {
  const extension = path.extname(file).toLowerCase();
  if (Object.hasOwn(TYPE_OF_EXTENSION, extension)) return TYPE_OF_EXTENSION[extension];
  if (!PLAIN_EXTENSIONS.has(extension)) return null;
  return Object.values(TYPE_OF_EXTENSION).find((dtype) => dtype === modelType) ?? (modelType === 'bool' ? 'bool' : 'float32');
}

/**
 * Bare numbers, little-endian and row-major: as many inputs as the bytes hold.
 * @throws InputsError `inputs/shape` where the model leaves a size open or the bytes are no whole number of inputs
 */
export async function readRaw(source: ByteSource, dtype: InputDType, model: SampleShape, largest = LARGEST_ARRAY_BYTES): Promise<InputArray> {
  const name = path.basename(source.path);
  const sample = model.dimensions;
  if (sample?.every((size) => size !== null) !== true) {
    throw new InputsError('inputs/shape', `${name} holds bare numbers, and the model leaves their shape open (${sample === null ? 'none stated' : formatShape(['n', ...sample])}): save them as .npy, which keeps the shape.`);
  }
  const bytes = elementCount(sample) * widthOf(dtype);
  if (bytes === 0 || source.size % bytes !== 0) throw new InputsError('inputs/shape', `${name} has ${formatBytes(source.size)}, and an input of ${formatShape(sample)} in ${dtype} takes ${formatBytes(bytes)}: give a whole number of inputs, or name the file by its type (.u8, .f32, .f64 …).`);
  if (source.size > largest) throw new InputsError('inputs/limit', `${name} has ${formatBytes(source.size)}, and at most ${formatBytes(largest)} are allowed: save fewer inputs.`);
  const own = new Uint8Array(source.size);
  own.set(await source.read(0, source.size));
  return { dtype, shape: [source.size / bytes, ...sample], data: arrayOfBytes(own, dtype) };
}
