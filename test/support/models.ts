import { writeFileSync } from 'node:fs';

/** Deterministic values in [−1, 1) without structure: the xorshift generator of Marsaglia (2003). */
export function pseudoRandom(count: number, seed = 1): Float32Array {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return new Float32Array(count).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  });
}

/** Writes a safetensors file of float32 tensors. */
export function writeSafetensors(file: string, tensors: Record<string, { shape: number[]; values: Float32Array }>): void {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, (offset += values.byteLength)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(file, Buffer.concat([length, padded, ...Object.values(tensors).map(({ values }) => Buffer.from(values.buffer))]));
}

/** A file of three layers; `head` is all zeros, which is a finding. */
export function writeSmallModel(file: string): void {
  writeSafetensors(file, {
    'fc1.weight': { shape: [40, 30], values: pseudoRandom(1200, 1) },
    'fc1.bias': { shape: [40], values: pseudoRandom(40, 2) },
    'fc2.weight': { shape: [20, 40], values: pseudoRandom(800, 3) },
    'head.weight': { shape: [10, 20], values: new Float32Array(200) },
  });
}
