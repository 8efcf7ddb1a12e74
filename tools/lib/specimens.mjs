// Model files that the sample workspace does not hold: a cut one, one of very many layers, and large matrices.
import { readFileSync } from 'node:fs';

/** The first 5,000 bytes of a file: a download that broke off. */
export function truncated(file) {
  return readFileSync(file).subarray(0, 5000);
}

/** A safetensors file of `count` small layers of a transformer; the values come from a seeded generator. */
export function manyLayers(count) {
  const parts = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'mlp.up_proj', 'mlp.down_proj'];
  const shape = [12, 16];
  const size = shape[0] * shape[1];
  const values = new Float32Array(count * size);
  const header = {};
  const normal = normals(1);
  for (let layer = 0; layer < count; layer += 1) {
    const block = Math.floor(layer / parts.length);
    const scale = 0.3 * Math.exp(0.2 * normal() + 0.8 * Math.sin(block / 60));
    const outlier = layer === Math.floor(count * 0.61) ? 40 : 1;
    for (let i = 0; i < size; i += 1) values[layer * size + i] = scale * outlier * normal();
    header[`model.layers.${block}.${parts[layer % parts.length]}.weight`] = { dtype: 'F32', shape, data_offsets: [4 * layer * size, 4 * (layer + 1) * size] };
  }
  return safetensors(header, values);
}

/** A safetensors file of `count` square matrices of `side` rows, normal values from a seeded generator. */
export function squareLayers(count, side) {
  const size = side * side;
  const normal = normals(2);
  const values = Float32Array.from({ length: count * size }, () => normal() / Math.sqrt(side));
  const header = Object.fromEntries(Array.from({ length: count }, (_, i) => [`blocks.${i}.proj.weight`, { dtype: 'F32', shape: [side, side], data_offsets: [4 * i * size, 4 * (i + 1) * size] }]));
  return safetensors(header, values);
}

function safetensors(header, values) {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.from(values.buffer)]);
}

/** Normal numbers by Box and Muller from the generator mulberry32. */
function normals(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
