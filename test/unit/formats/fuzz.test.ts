import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { memorySource } from '../../../server/formats/byteSource.js';
import { readTensor } from '../../../server/formats/decode.js';
import { elementCount, isNumeric, storedBytes } from '../../../server/formats/dtypes.js';
import type { Format } from '../../../server/formats/format.js';
import { ModelFileError, type ModelFile } from '../../../server/formats/modelFile.js';
import { onnx } from '../../../server/formats/onnx/onnx.js';
import { safetensors } from '../../../server/formats/safetensors.js';
import { bytesField, floatField, model, numberField } from './protobuf.js';
import { f32, safetensorsOf } from './safetensorsFiles.js';
import { assertSentence, FIXTURES, openOrRefuse, random, temporaryFolder } from './support.js';

const SAMPLES: [string, Format, Buffer][] = [
  ['graph.onnx', onnx, readFileSync(path.join(FIXTURES, 'graph.onnx'))],
  ['types.onnx', onnx, readFileSync(path.join(FIXTURES, 'types.onnx'))],
  ['sample.safetensors', safetensors, safetensorsOf(JSON.stringify({ __metadata__: { format: 'pt' }, weight: f32(0, 3, 4), bias: f32(48, 3), half: { dtype: 'F16', shape: [2], data_offsets: [60, 64] } }), 64)],
];

/** Opens bytes in memory: a valid model or one sentence, never another error. */
async function outcome(format: Format, bytes: Uint8Array): Promise<ModelFile | null> {
  const source = memorySource(bytes, `fuzzed${format.extensions[0]}`);
  try {
    if (!(await format.matches(source))) return null;
    const file = await format.open(source);
    assertValid(file, bytes.length);
    return file;
  } catch (error) {
    if (!(error instanceof ModelFileError)) throw error;
    assertSentence(error);
    return null;
  }
}

/** Whatever a model file says, its ranges lie in the file and hold what shape and type ask. */
function assertValid(file: ModelFile, size: number): void {
  for (const { dtype, shape, data } of file.tensors) {
    const count = elementCount(shape);
    if (data.encoding === 'inline') {
      if (isNumeric(dtype)) assert.equal(data.values.length, count);
      continue;
    }
    assert.ok(data.range.offset >= 0 && data.range.offset + data.range.length <= size);
    if (data.encoding === 'raw') assert.equal(data.range.length, storedBytes(dtype, count));
  }
  JSON.stringify(file);
}

describe('broken files', () => {
  const temporary = temporaryFolder();

  for (const [name, format, bytes] of SAMPLES) {
    it(`${name} cut off anywhere is refused, but for whole parts that may be missing`, async () => {
      const valid: number[] = [];
      for (let length = 1; length < bytes.length; length++) if ((await outcome(format, bytes.subarray(0, length))) !== null) valid.push(length);
      // An ONNX file may end after its operator sets: what follows them is optional.
      assert.ok(valid.length <= (name === 'graph.onnx' ? 4 : 0), `opened at ${valid.join()}`);
      assert.notEqual(await outcome(format, bytes), null);
    });

    it(`${name} with flipped bits gives a valid model or a sentence`, async () => {
      const next = random(1);
      let refused = 0;
      const runs = 1500;
      for (let run = 0; run < runs; run++) {
        const flipped = Uint8Array.from(bytes);
        for (let flips = 1 + Math.floor(next() * 3); flips > 0; flips--) flipped[Math.floor(next() * bytes.length)] ^= 1 << Math.floor(next() * 8);
        if ((await outcome(format, flipped)) === null) refused += 1;
      }
      // Both happen, so that both are tested.
      assert.ok(refused > runs / 10 && refused < runs, `${refused} of ${runs} refused`);
    });
  }

  it('with flipped bits are read to the end or refused', async () => {
    const next = random(2);
    const [, , bytes] = SAMPLES[1];
    const file = temporary('flipped.onnx');
    let read = 0;
    for (let run = 0; run < 80; run++) {
      const flipped = Uint8Array.from(bytes);
      flipped[Math.floor(next() * bytes.length)] ^= 1 << Math.floor(next() * 8);
      writeFileSync(file, flipped);
      const opened = await openOrRefuse(file);
      if (opened instanceof ModelFileError) continue;
      for (const tensor of opened.tensors.filter(({ dtype }) => isNumeric(dtype))) {
        try {
          await readTensor(tensor, (values) => (read += values.length));
        } catch (error) {
          if (!(error instanceof ModelFileError)) throw error;
        }
      }
    }
    assert.ok(read > 0);
  });

  it('of random bytes are refused', async () => {
    const next = random(3);
    for (let run = 0; run < 2000; run++) {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(next() * 300) }, () => Math.floor(next() * 256));
      // Some begin as the formats do.
      if (run % 4 === 0) bytes.set([8, 8, 0x3a].slice(0, bytes.length));
      if (run % 4 === 1 && bytes.length > 10) bytes.set([bytes.length - 8, 0, 0, 0, 0, 0, 0, 0, 0x7b]);
      assert.equal(await outcome(onnx, bytes), null);
      assert.equal(await outcome(safetensors, bytes), null);
    }
  });

  it('of well-formed messages in the wrong places give a valid model or a sentence', async () => {
    const message = fc.letrec<{ message: Buffer; field: Buffer }>((tie) => ({
      field: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.tuple(fc.integer({ min: 1, max: 26 }), fc.bigInt({ min: -4n, max: 2n ** 62n })).map(([number, value]) => numberField(number, value)),
        fc.tuple(fc.integer({ min: 1, max: 26 }), fc.integer({ min: 0, max: 27 })).map(([number, value]) => numberField(number, value)),
        fc.tuple(fc.integer({ min: 1, max: 26 }), fc.float()).map(([number, value]) => floatField(number, value)),
        fc.tuple(fc.integer({ min: 1, max: 26 }), fc.string()).map(([number, value]) => bytesField(number, value)),
        fc.tuple(fc.constantFrom(1, 2, 5, 6, 7, 9, 11, 12, 13, 15, 25), tie('message')).map(([number, value]) => bytesField(number, value)),
      ),
      message: fc.array(tie('field'), { maxLength: 6 }).map((fields) => Buffer.concat(fields)),
    }));
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(message.message, { maxLength: 5 }), async (messages) => {
        if ((await outcome(onnx, model(...messages.map((each) => bytesField(1, each)), ...messages.map((each) => bytesField(5, each))))) !== null) opened += 1;
        await outcome(onnx, model(...messages));
      }),
      { numRuns: 400, seed: 1 },
    );
    assert.ok(opened > 0);
  });

  it('of any JSON as a header give a valid model or a sentence', async () => {
    const size = fc.oneof(fc.nat(8), fc.integer(), fc.double(), fc.string());
    const entry = fc.oneof(fc.jsonValue(), fc.record({ dtype: fc.constantFrom('F32', 'F4', 'U8', 'X', '__proto__', 'constructor'), shape: fc.array(size, { maxLength: 3 }), data_offsets: fc.array(size, { maxLength: 3 }) }, { requiredKeys: [] }));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__metadata__', 'a')), entry, { maxKeys: 4 }), fc.nat(64), async (header, data) => {
        await outcome(safetensors, safetensorsOf(JSON.stringify(header), data));
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
