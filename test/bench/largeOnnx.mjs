// Writes an ONNX file of any size without any library: a chain of MatMul nodes with random float32 weights.
import { closeSync, openSync, writeSync } from 'node:fs';

const varint = (value) => {
  const bytes = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
};
const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const head = (field, length) => Buffer.concat([varint((field << 3) | 2), varint(length)]);
const message = (field, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([head(field, body.length), body]);
};
const text = (field, value) => message(field, Buffer.from(value));
const value = (field, name, width) => message(field, text(1, name), message(2, message(1, integer(1, 1), message(2, message(1, integer(1, 1)), message(1, integer(1, width))))));

/** Layers alternate between [rows, columns] and [columns, rows]; returns the bytes of the largest tensor in float64. */
export function writeLargeOnnx(file, layers, rows, columns) {
  const shapes = Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? [rows, columns] : [columns, rows]));
  const nodes = shapes.map((_, i) => message(1, text(1, `h${i}`), text(1, `layer${i}.weight`), text(2, `h${i + 1}`), text(3, `MatMul_${i}`), text(4, 'MatMul')));
  const ends = [value(11, 'h0', rows), value(12, `h${layers}`, shapes[layers - 1][1])];
  const weights = new Uint32Array(rows * columns);
  let state = 2463534242;
  for (let i = 0; i < weights.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    // A float in [1, 2) by its bits; the mean is a rank-one part, as trained layers often have one.
    weights[i] = 0x3f800000 | (state >>> 9);
  }
  const raw = Buffer.from(weights.buffer);
  const tensorHeads = shapes.map((shape, i) => Buffer.concat([integer(1, shape[0]), integer(1, shape[1]), integer(2, 1), text(8, `layer${i}.weight`), head(9, raw.length)]));
  const graphLength = [...nodes, text(2, 'chain'), ...ends].reduce((sum, part) => sum + part.length, 0) + tensorHeads.reduce((sum, part) => sum + head(5, part.length + raw.length).length + part.length + raw.length, 0);
  const out = openSync(file, 'w');
  const write = (bytes) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(out, bytes, done);
  };
  write(Buffer.concat([integer(1, 8), text(2, 'benchmark'), message(8, text(1, ''), integer(2, 17)), head(7, graphLength), ...nodes, text(2, 'chain')]));
  for (const part of tensorHeads) {
    write(Buffer.concat([head(5, part.length + raw.length), part]));
    write(raw);
  }
  write(Buffer.concat(ends));
  closeSync(out);
  return 8 * rows * columns;
}
