import path from 'node:path';
import type { ByteSource } from './byteSource.js';
import { bitsPerElement, elementCount, formatShape, storedBytes } from './dtypes.js';
import { isJsonObject, repeatedName, type JsonObject } from './json.js';
import { ModelFileError, type DType, type StoredTensor } from './modelFile.js';
import { formatBytes, quote } from './sentences.js';

/** The reference implementation's own limit; the largest known headers are a few MB. */
export const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
/** Ten times what the largest published models have in all their shards; about 1 kB of memory each. */
const MAX_TENSORS = 500_000;

const DTYPES: Record<string, DType | undefined> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  F8_E4M3: 'float8e4m3fn',
  F8_E4M3FN: 'float8e4m3fn',
  F8_E4M3FNUZ: 'float8e4m3fnuz',
  F8_E5M2: 'float8e5m2',
  F8_E5M2FNUZ: 'float8e5m2fnuz',
  F8_E8M0: 'float8e8m0',
  F4: 'float4e2m1',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
  C64: 'complex64',
};
/** Part of the format, but no element type of ours: their bytes are checked and the tensor is listed as not analysed. */
const BITS_OF_OTHER_TYPES: Record<string, number | undefined> = { F6_E2M3: 6, F6_E3M2: 6 };

/** What one safetensors file describes. */
export interface SafetensorsHeader {
  /** In the order of their data in the file. */
  tensors: StoredTensor[];
  skipped: { tensor: string; reason: string }[];
  metadata: Record<string, string>;
}

/** Length of the JSON header if the file begins as a safetensors file does, or null. Never throws for the content. */
export async function headerLength(source: ByteSource): Promise<number | null> {
  if (source.size <= LENGTH_BYTES) return null;
  const start = await source.read(0, LENGTH_BYTES + 1);
  // "The header data MUST begin with a { character" (format description of safetensors).
  if (start[LENGTH_BYTES] !== 0x7b) return null;
  const length = Buffer.from(start).readBigUInt64LE(0);
  return length >= 2n ? Number(length) : null;
}

/**
 * Reads and checks the header of one file: names are unique, every range lies in the file, is as long as shape and
 * type ask, and the ranges cover the data without gap or overlap.
 * @throws ModelFileError
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const name = path.basename(source.path);
  const length = await headerLength(source);
  if (length === null) throw new ModelFileError('model/not-recognised', `${name} is not a safetensors file, as it does not begin with a length and a JSON object: check its name or download it again.`);
  if (length > MAX_HEADER_BYTES) throw new ModelFileError('model/limit', `${name} announces a header of ${formatBytes(length)}, and at most ${formatBytes(MAX_HEADER_BYTES)} are read: the file is damaged or no safetensors file.`);
  if (LENGTH_BYTES + length > source.size) {
    throw new ModelFileError('model/truncated', `${name} ends within its header (${formatBytes(source.size)} of at least ${formatBytes(LENGTH_BYTES + length)}): copy or download it again.`);
  }
  const header = parseHeader(name, await source.read(LENGTH_BYTES, length));
  const dataStart = LENGTH_BYTES + length;
  const metadata = readMetadata(name, header);
  const described = Object.entries(header).filter(([tensor]) => tensor !== '__metadata__');
  if (described.length > MAX_TENSORS) throw new ModelFileError('model/limit', `${name} has ${described.length} tensors, and at most ${MAX_TENSORS} are read: it is damaged, or must be split.`);
  const entries = described
    .map(([tensor, info]) => readEntry(name, tensor, info))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(name, entries, source.size - dataStart, source.size);
  const tensors: StoredTensor[] = [];
  const skipped: { tensor: string; reason: string }[] = [];
  for (const { tensor, dtype, typeName, shape, begin, end } of entries) {
    if (dtype === null) skipped.push({ tensor, reason: `elements of type ${typeName} are not read` });
    else tensors.push({ name: tensor, dtype, shape, data: { encoding: 'raw', range: { path: source.path, offset: dataStart + begin, length: end - begin } } });
  }
  return { tensors, skipped, metadata };
}

function parseHeader(name: string, bytes: Uint8Array): JsonObject {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new ModelFileError('model/corrupt', `The header of ${name} is no valid JSON (${formatBytes(bytes.length)}): copy or download the file again.`);
  }
  if (!isJsonObject(header)) throw new ModelFileError('model/corrupt', `The header of ${name} is no JSON object: copy or download the file again.`);
  const repeated = repeatedName(text, 2);
  if (repeated !== null) throw new ModelFileError('model/corrupt', `The header of ${name} holds ${quote(repeated)} twice, and names must be unique: save the file again.`);
  return header;
}

function readMetadata(name: string, header: JsonObject): Record<string, string> {
  if (!Object.hasOwn(header, '__metadata__')) return {};
  const metadata = header.__metadata__;
  if (!isJsonObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw new ModelFileError('model/corrupt', `The metadata of ${name} must map names to texts, and it holds something else: save the file again.`);
  }
  return metadata as Record<string, string>;
}

interface Entry {
  tensor: string;
  dtype: DType | null;
  typeName: string;
  shape: number[];
  begin: number;
  end: number;
}

function readEntry(name: string, tensor: string, info: unknown): Entry {
  const corrupt = (what: string) => new ModelFileError('model/corrupt', `Tensor ${quote(tensor)} in ${name} ${what}: save or download the file again.`);
  if (!isJsonObject(info)) throw corrupt('has no description');
  const { dtype: typeName, shape, data_offsets: offsets } = info;
  if (typeof typeName !== 'string') throw corrupt('has no element type');
  const dtype = Object.hasOwn(DTYPES, typeName) ? (DTYPES[typeName] ?? null) : null;
  const otherBits = Object.hasOwn(BITS_OF_OTHER_TYPES, typeName) ? BITS_OF_OTHER_TYPES[typeName] : undefined;
  if (dtype === null && otherBits === undefined) throw corrupt(`has the unknown element type ${quote(typeName)} (known: ${Object.keys(DTYPES).join(', ')})`);
  if (!Array.isArray(shape) || !shape.every((size): size is number => typeof size === 'number')) throw corrupt('has no shape');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((offset): offset is number => Number.isSafeInteger(offset) && (offset as number) >= 0)) {
    throw corrupt('has no valid data_offsets, which are two whole numbers');
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw corrupt(`begins at ${begin} and ends before, at ${end}`);
  const count = elementCount(shape, `Tensor ${quote(tensor)} in ${name}`);
  const bits = dtype === null ? (otherBits ?? 0) : bitsPerElement(dtype);
  if ((count * bits) % 8 !== 0) throw corrupt(`has ${count} elements of ${bits} bits, which is no whole number of bytes`);
  const expected = dtype === null ? (count * bits) / 8 : storedBytes(dtype, count);
  if (end - begin !== expected) throw corrupt(`of ${typeName} ${formatShape(shape)} takes ${formatBytes(expected)}, but its offsets span ${formatBytes(end - begin)}`);
  return { tensor, dtype, typeName, shape: [...shape], begin, end };
}

/** The data of the sorted entries must cover the bytes after the header exactly. */
function checkCover(name: string, entries: readonly Entry[], dataBytes: number, fileBytes: number): void {
  let covered = 0;
  for (const { tensor, begin, end } of entries) {
    if (begin !== covered) {
      const what = begin < covered ? `overlaps the tensor before it by ${formatBytes(covered - begin)}` : `leaves ${formatBytes(begin - covered)} unused before it`;
      throw new ModelFileError('model/corrupt', `Tensor ${quote(tensor)} in ${name} ${what}, and the data must follow without gap: save or download the file again.`);
    }
    covered = end;
  }
  if (covered > dataBytes) {
    throw new ModelFileError('model/truncated', `${name} has ${formatBytes(fileBytes)} and should have ${formatBytes(fileBytes - dataBytes + covered)}: it is cut off, so copy or download it again.`);
  }
  if (covered < dataBytes) {
    throw new ModelFileError('model/corrupt', `${name} holds ${formatBytes(dataBytes - covered)} after its last tensor that nothing describes: save or download the file again.`);
  }
}
