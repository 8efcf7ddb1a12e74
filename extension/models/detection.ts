import path from 'node:path';

/** Files that are models by their name. Formats are added here when they can be read. */
export const modelGlob = '**/*.{onnx,safetensors,safetensors.index.json}';

const modelExtension = /\.(onnx|safetensors)$/i;
const shardIndex = /\.safetensors\.index\.json$/i;
/** Hugging Face's naming of the parts of one model. */
const shard = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/i;

/** A model file of the workspace: what the tree lists. */
export interface ModelFileEntry {
  /** The file that is opened: the model, the index of a sharded one, or its first shard where there is no index. */
  path: string;
  /** Every file that belongs to the entry as far as names tell, `path` first. */
  files: string[];
  format: 'onnx' | 'safetensors';
}

/** Whether a path is a model file, a shard or the index of a sharded model, by its name alone. */
export function isModelName(file: string): boolean {
  return modelExtension.test(file) || shardIndex.test(file);
}

/** Groups files into models: the shards of one model and their index are one entry. Sorted by path. Linear in the number of files. */
export function groupModels(files: readonly string[]): ModelFileEntry[] {
  const groups = new Map<string, string[]>();
  for (const file of new Set(files)) {
    if (!isModelName(file)) continue;
    const key = groupKey(file);
    const group = groups.get(key);
    if (group) group.push(file);
    else groups.set(key, [file]);
  }
  const entries = [...groups.values()].map((group) => entryOf(group));
  return entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** Shards and index of one model share it; every other file has a key of its own. */
function groupKey(file: string): string {
  const folder = path.dirname(file);
  const name = path.basename(file);
  const part = shard.exec(name);
  if (part) return `${folder}\0${part[1]}`;
  if (shardIndex.test(name)) return `${folder}\0${name.replace(shardIndex, '')}`;
  return file;
}

function entryOf(group: string[]): ModelFileEntry {
  const files = group.sort((a, b) => Number(shardIndex.test(b)) - Number(shardIndex.test(a)) || (a < b ? -1 : 1));
  const first = files[0] ?? '';
  return { path: first, files, format: /\.onnx$/i.test(first) ? 'onnx' : 'safetensors' };
}
