import path from 'node:path';
import { openFile, type ByteSource } from './byteSource.js';
import type { Format } from './format.js';
import { ModelFileError, type ModelFile } from './modelFile.js';
import { onnx } from './onnx/onnx.js';
import { safetensors } from './safetensors.js';
import { identifyUnsupported, promisedFormat } from './unsupported.js';

/** Every format that is read; the order in which contents are tried. */
const FORMATS: readonly Format[] = [safetensors, onnx];

/** Bytes of an unknown file that a sentence shows. */
const SHOWN_BYTES = 8;

/**
 * The format of a model file, or null: by extension and then content, or by content alone where the extension
 * promises nothing. Reads a page or two; null also for what cannot be read.
 */
export async function recogniseFormat(file: string): Promise<ModelFile['format'] | null> {
  let source: ByteSource;
  try {
    source = await openFile(file);
  } catch (error) {
    if (error instanceof ModelFileError) return null;
    throw error;
  }
  try {
    return (await findFormat(source))?.name ?? null;
  } finally {
    await source.close();
  }
}

/**
 * Opens a model file: its tensors by byte range and its graph, headers only. Costs what the graph costs, whatever
 * the weights (a 400 MB file: milliseconds, a few MB).
 * @throws ModelFileError, and nothing else, with one sentence for the user
 */
export async function openModelFile(file: string): Promise<ModelFile> {
  const source = await openFile(file);
  try {
    const format = await findFormat(source);
    if (format === null) throw await refusal(source);
    return await format.open(source);
  } finally {
    await source.close();
  }
}

/** A file with the extension of a format must hold that format; others are told by content. */
async function findFormat(source: ByteSource): Promise<Format | null> {
  const promised = formatByExtension(source.path);
  if (promised !== null) return (await promised.matches(source)) ? promised : null;
  if (promisedFormat(source.path) !== null) return null;
  return formatByContent(source);
}

function formatByExtension(file: string): Format | null {
  const name = path.basename(file).toLowerCase();
  return FORMATS.find((format) => format.extensions.some((extension) => name.endsWith(extension))) ?? null;
}

async function formatByContent(source: ByteSource): Promise<Format | null> {
  for (const format of FORMATS) if (await format.matches(source)) return format;
  return null;
}

/** The sentence for a file that no format takes. */
async function refusal(source: ByteSource): Promise<ModelFileError> {
  const name = path.basename(source.path);
  const refuse = (sentence: string) => new ModelFileError('model/not-recognised', sentence);
  const promised = formatByExtension(source.path);
  const content = await formatByContent(source);
  if (content !== null) return refuse(`${name} holds ${content.title} data, not what its extension ${path.extname(name)} says: rename it to ${content.extensions[0]}.`);
  const identified = await identifyUnsupported(source);
  if (identified !== null) {
    const verdict = promised !== null ? `not ${promised.title}` : identified.hasWeights ? 'which is not read yet' : 'not a model';
    return refuse(`${name} is ${identified.title}, ${verdict}: ${identified.advice}.`);
  }
  const start = Buffer.from(await source.read(0, Math.min(SHOWN_BYTES, source.size))).toString('hex').replace(/..(?=.)/g, '$& ');
  if (promised !== null) return refuse(`${name} is not recognised as ${promised.title}, as it begins with the bytes ${start}: it is damaged or has the wrong extension, so export or download it again.`);
  const expected = promisedFormat(source.path);
  if (expected !== null) return refuse(`${name} has the extension of ${expected.title}, which is not read yet: ${expected.advice}.`);
  return refuse(`${name} is in no known format, as it begins with the bytes ${start}: name an ONNX (.onnx) or safetensors (.safetensors) file.`);
}
