import path from 'node:path';
import type { ByteSource } from './byteSource.js';

/** What is read from either end to tell one format from another. */
const HEAD_BYTES = 4096;
/** A zip archive lists its files at its end; so much covers those of a model's archive. */
const TAIL_BYTES = 64 * 1024;
/** HDF5 looks for its signature at 0, 512, 1024, 2048 … (format specification III.A). */
const HDF5_OFFSETS = [0, 512, 1024, 2048];
const TAR_MAGIC_OFFSET = 257;

/** A format that is known but not read: its name and what to do instead. */
export interface UnsupportedFormat {
  title: string;
  advice: string;
  /** Whether such a file holds weights, which a later version might read. */
  hasWeights: boolean;
}

const weights = (title: string, advice: string): UnsupportedFormat => ({ title, advice, hasWeights: true });
const other = (title: string, advice: string): UnsupportedFormat => ({ title, advice, hasWeights: false });

const PYTORCH = weights('a PyTorch checkpoint (zip archive with a pickle)', 'export it with torch.onnx.export, or save its state dictionary with safetensors');
const PICKLE = weights('a Python pickle (as older PyTorch and scikit-learn write)', 'export it with torch.onnx.export, or save its state dictionary with safetensors');
const KERAS = weights('a Keras model archive', 'export it with model.export(…, format="onnx")');
const HDF5 = weights('an HDF5 file (as Keras writes)', 'export it with tf2onnx or model.export(…, format="onnx")');
const ZIP = other('a zip archive', 'unpack it and name the model file in it');
const NPZ = weights('a NumPy archive (npz)', 'save its arrays with safetensors.numpy.save_file');
const NPY = weights('a NumPy array (npy)', 'save it with safetensors.numpy.save_file');
const GGUF = weights('a GGUF file', 'take the model’s safetensors files instead');
const TFLITE = weights('a TensorFlow Lite model', 'export the original model to ONNX');
const TEXT = other('a text file', 'name the model file itself');

/** Formats that a file's extension promises, for files whose content tells nothing. */
const BY_EXTENSION: Record<string, UnsupportedFormat | undefined> = {
  '.pt': PYTORCH,
  '.pth': PYTORCH,
  '.pkl': PICKLE,
  '.pickle': PICKLE,
  '.keras': KERAS,
  '.h5': HDF5,
  '.hdf5': HDF5,
  '.npz': NPZ,
  '.npy': NPY,
  '.gguf': GGUF,
  '.tflite': TFLITE,
};
/** By these the content alone decides. */
const OPEN_EXTENSIONS: readonly string[] = ['.h5', '.hdf5'];

/** What an extension promises where it promises one format only, and that is not read. */
export function promisedFormat(file: string): UnsupportedFormat | null {
  const extension = path.extname(file).toLowerCase();
  if (OPEN_EXTENSIONS.includes(extension) || !Object.hasOwn(BY_EXTENSION, extension)) return null;
  return BY_EXTENSION[extension] ?? null;
}

/** The known but unread format of a file, by content; null if it is none of them. Reads two small pieces. */
export async function identifyUnsupported(source: ByteSource): Promise<UnsupportedFormat | null> {
  const head = Buffer.from(await source.read(0, Math.min(HEAD_BYTES, source.size)));
  const begins = (signature: string, offset = 0) => head.subarray(offset, offset + signature.length).equals(Buffer.from(signature, 'latin1'));
  if (begins('PK\x03\x04') || begins('PK\x05\x06')) return identifyArchive(source);
  if (HDF5_OFFSETS.some((offset) => begins('\x89HDF\r\n\x1a\n', offset))) return HDF5;
  if (begins('GGUF')) return GGUF;
  if (begins('TFL3', 4)) return TFLITE;
  if (begins('ORTM', 4)) return weights('a model in onnxruntime’s own format', 'take the ONNX file that it was made from');
  if (begins('\x93NUMPY')) return NPY;
  if (head.length > 1 && head[0] === 0x80 && head[1] >= 1 && head[1] <= 5) return PICKLE;
  if (begins('\x1f\x8b')) return other('a gzip archive', 'unpack it and name the model file in it');
  if (begins('7z\xbc\xaf\x27\x1c') || begins('Rar!') || begins('\xfd7zXZ')) return other('a compressed archive', 'unpack it and name the model file in it');
  if (begins('ustar', TAR_MAGIC_OFFSET)) return other('a tar archive', 'unpack it and name the model file in it');
  if (begins('\x89PNG') || begins('\xff\xd8\xff') || begins('GIF8') || begins('%PDF')) return other('an image or a document', 'name the model file itself');
  if (begins('version https://git-lfs.github.com/spec/')) return other('a Git LFS pointer and not the model itself', 'fetch the model with git lfs pull');
  return identifyText(source, head);
}

async function identifyArchive(source: ByteSource): Promise<UnsupportedFormat> {
  const length = Math.min(TAIL_BYTES, source.size);
  const names = Buffer.from(await source.read(source.size - length, length)).toString('latin1') + Buffer.from(await source.read(0, Math.min(HEAD_BYTES, source.size))).toString('latin1');
  if (names.includes('data.pkl')) return PYTORCH;
  if (names.includes('model.weights.h5')) return KERAS;
  if (names.includes('.npy')) return NPZ;
  return BY_EXTENSION[path.extname(source.path).toLowerCase()] ?? ZIP;
}

/** Text is what has no control characters and is valid UTF-8 so far. */
function identifyText(source: ByteSource, head: Buffer): UnsupportedFormat | null {
  const text = head.toString('utf8');
  if (/(?![\t\n\v\f\r])\p{Cc}/u.test(text) || text.slice(0, -3).includes('\ufffd')) return null;
  const start = text.replace(/^\ufeff/, '').trimStart();
  if (/^<(?:!doctype html|html)/i.test(start)) return other('a web page, as a failed download leaves it', 'download the model file again');
  if (path.basename(source.path).toLowerCase().endsWith('.bin.index.json')) return weights('the index of PyTorch shards (pickles)', 'save the model again as safetensors');
  if (start.startsWith('{') || start.startsWith('[')) return other('a JSON file', 'name the model file itself');
  const promised = promisedFormat(source.path);
  // Pickles of protocol 0 are text; so may be the start of a damaged file, and its name then tells more.
  return promised ?? TEXT;
}
