import { access } from 'node:fs/promises';
import path from 'node:path';
import { openFile, type ByteSource } from './byteSource.js';
import { findNeighbour } from './externalFiles.js';
import type { Format } from './format.js';
import { isJsonObject, repeatedName } from './json.js';
import { ModelFileError, type ModelFile, type StoredTensor } from './modelFile.js';
import { headerLength, MAX_HEADER_BYTES, readSafetensorsHeader } from './safetensorsHeader.js';
import { formatBytes, quote } from './sentences.js';

/** The index of a model of a million tensors has about this size. */
const MAX_INDEX_BYTES = 100_000_000;
/** Enough to see that a JSON file is an index. */
const INDEX_SNIFF_BYTES = 4096;
/** The largest published models have a few hundred shards; each is opened once. */
const MAX_SHARDS = 10_000;

const INDEX_SUFFIX = '.safetensors.index.json';
const SHARD_NAME = /^(.*)-\d{5,}-of-\d{5,}\.safetensors$/;

/** `format` in a file's metadata names the framework that saved it. */
const FRAMEWORKS: Record<string, string | undefined> = { pt: 'pytorch', np: 'numpy', tf: 'tensorflow' };

/**
 * safetensors: one file, the index of a sharded model, or one of its shards (which opens the whole model).
 * Tensors come in the order of their data: in a sharded model shard by shard, by file name.
 */
export const safetensors: Format = {
  name: 'safetensors',
  title: 'safetensors',
  extensions: ['.safetensors', INDEX_SUFFIX],
  matches: async (source) => {
    if (isIndexName(source.path)) return looksLikeIndex(source);
    const length = await headerLength(source);
    // An absurd length is an error of a file that says what it is, and of no other file.
    return length !== null && (length <= MAX_HEADER_BYTES || source.path.toLowerCase().endsWith('.safetensors'));
  },
  open: async (source) => {
    if (isIndexName(source.path)) return openShards(source, await readWeightMap(source));
    return (await openWhole(source)) ?? openSingle(source);
  },
};

function isIndexName(file: string): boolean {
  return file.toLowerCase().endsWith(INDEX_SUFFIX);
}

async function looksLikeIndex(source: ByteSource): Promise<boolean> {
  const start = Buffer.from(await source.read(0, Math.min(source.size, INDEX_SNIFF_BYTES))).toString('utf8');
  return start.trimStart().startsWith('{');
}

/** The whole model of a shard, if there is an index beside it that lists it; else null. */
async function openWhole(shard: ByteSource): Promise<ModelFile | null> {
  const shardName = path.basename(shard.path);
  const prefix = SHARD_NAME.exec(shardName)?.[1];
  if (prefix === undefined) return null;
  const file = path.join(path.dirname(shard.path), prefix + INDEX_SUFFIX);
  try {
    await access(file);
  } catch {
    return null;
  }
  const index = await openFile(file);
  try {
    const weightMap = await readWeightMap(index);
    return [...weightMap.values()].includes(shardName) ? await openShards(index, weightMap) : null;
  } finally {
    await index.close();
  }
}

async function openSingle(source: ByteSource): Promise<ModelFile> {
  const { tensors, skipped, metadata } = await readSafetensorsHeader(source);
  return assemble(source.path, [source.path], source.size, tensors, skipped, metadata);
}

async function openShards(source: ByteSource, weightMap: ReadonlyMap<string, string>): Promise<ModelFile> {
  const name = path.basename(source.path);
  const namesByShard = new Map<string, string[]>();
  for (const [tensor, location] of weightMap) {
    const names = namesByShard.get(location);
    if (names === undefined) namesByShard.set(location, [tensor]);
    else names.push(tensor);
  }
  const shards = [...namesByShard.keys()].sort();
  if (shards.length > MAX_SHARDS) throw new ModelFileError('model/limit', `${name} names ${shards.length} shards, and at most ${MAX_SHARDS} are read: check how it was made.`);
  const files = [source.path];
  const tensors: StoredTensor[] = [];
  const skipped: { tensor: string; reason: string }[] = [];
  const seen = new Set<string>();
  let metadata: Record<string, string> = {};
  let bytes = source.size;
  for (const location of shards) {
    const shard = await findNeighbour(source.path, location);
    if (seen.has(shard.realPath)) throw new ModelFileError('model/corrupt', `${name} names the shard ${quote(location)} under two names: save the model again.`);
    seen.add(shard.realPath);
    const header = await readShard(shard.path);
    files.push(shard.path);
    bytes += shard.size;
    metadata = { ...header.metadata, ...metadata };
    skipped.push(...header.skipped);
    const stored = new Set(header.skipped.map((tensor) => tensor.tensor));
    for (const tensor of header.tensors) {
      stored.add(tensor.name);
      if (weightMap.get(tensor.name) === location) tensors.push(tensor);
      else skipped.push({ tensor: tensor.name, reason: `lies in ${location}, where the index ${name} does not name it` });
    }
    const absent = namesByShard.get(location)?.find((tensor) => !stored.has(tensor));
    if (absent !== undefined) {
      throw new ModelFileError('model/corrupt', `${name} says that tensor ${quote(absent)} lies in ${quote(location)}, but it does not: download the index and the shards again.`);
    }
  }
  return assemble(source.path, files, bytes, tensors, skipped, metadata);
}

async function readShard(file: string) {
  const shard = await openFile(file);
  try {
    return await readSafetensorsHeader(shard);
  } finally {
    await shard.close();
  }
}

/** Tensor name → shard, as the index says. */
async function readWeightMap(source: ByteSource): Promise<Map<string, string>> {
  const name = path.basename(source.path);
  if (source.size > MAX_INDEX_BYTES) throw new ModelFileError('model/limit', `${name} has ${formatBytes(source.size)}, and an index of at most ${formatBytes(MAX_INDEX_BYTES)} is read: check how it was made.`);
  let text: string;
  let index: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await source.read(0, source.size));
    index = JSON.parse(text);
  } catch (error) {
    if (error instanceof ModelFileError) throw error;
    throw new ModelFileError('model/corrupt', `${name} is no valid JSON (${formatBytes(source.size)}): download the index again.`);
  }
  const map = isJsonObject(index) ? index.weight_map : undefined;
  if (!isJsonObject(map) || Object.keys(map).length === 0) throw new ModelFileError('model/corrupt', `${name} has no "weight_map" that says in which shard each tensor lies: download the index again.`);
  const repeated = repeatedName(text, 2);
  if (repeated !== null) throw new ModelFileError('model/corrupt', `${name} holds ${quote(repeated)} twice, and names must be unique: download the index again.`);
  const weightMap = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !file.toLowerCase().endsWith('.safetensors')) {
      throw new ModelFileError('model/corrupt', `${name} says that tensor ${quote(tensor)} lies in ${quote(String(file))}, which is no safetensors file: download the index again.`);
    }
    weightMap.set(tensor, file);
  }
  return weightMap;
}

function assemble(file: string, files: string[], bytes: number, tensors: StoredTensor[], skipped: { tensor: string; reason: string }[], metadata: Record<string, string>): ModelFile {
  const framework = Object.hasOwn(metadata, 'format') ? metadata.format : null;
  return {
    format: 'safetensors',
    path: file,
    bytes,
    files,
    producer: framework === null ? null : Object.hasOwn(FRAMEWORKS, framework) ? (FRAMEWORKS[framework] ?? framework) : framework,
    opset: null,
    inputs: [],
    outputs: [],
    tensors,
    graph: null,
    ...(skipped.length === 0 ? {} : { skipped }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}
