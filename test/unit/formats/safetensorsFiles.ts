/** Writes safetensors files, right ones and wrong ones. */
export interface Entry {
  dtype: string;
  shape: unknown;
  data_offsets: unknown;
}

/** A file with this header text and so many bytes of data. */
export function safetensorsOf(header: string, data: Uint8Array | number): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, typeof data === 'number' ? Buffer.alloc(data) : data]);
}

export function f32(begin: number, ...shape: number[]): Entry {
  return { dtype: 'F32', shape, data_offsets: [begin, begin + 4 * shape.reduce((product, size) => product * size, 1)] };
}
