import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModelFile, recogniseFormat } from '../../../server/formats/open.js';
import { f32, safetensorsOf } from './safetensorsFiles.js';
import { refusalOf, temporaryFolder, valuesOf } from './support.js';

describe('safetensors files', () => {
  const temporary = temporaryFolder();
  const write = (header: unknown, data: Uint8Array | number, name = 'made.safetensors') => {
    const file = temporary(name);
    writeFileSync(file, safetensorsOf(typeof header === 'string' ? header : JSON.stringify(header), data));
    return file;
  };

  it('yield their tensors in the order of their data, with exact ranges', async () => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5).buffer);
    const file = await openModelFile(write({ late: f32(16, 1), __metadata__: { format: 'pt', note: 'x' }, early: f32(0, 2, 2) }, data));
    assert.equal(file.format, 'safetensors');
    assert.equal(file.producer, 'pytorch');
    assert.deepEqual(file.metadata, { format: 'pt', note: 'x' });
    assert.equal(file.graph, null);
    assert.equal(file.bytes, statSync(file.path).size);
    assert.deepEqual(file.tensors.map(({ name, shape }) => [name, shape]), [
      ['early', [2, 2]],
      ['late', [1]],
    ]);
    assert.deepEqual((await valuesOf(file.tensors[0])).values, [1, 2, 3, 4]);
    assert.deepEqual((await valuesOf(file.tensors[1])).values, [5]);
  });

  it('may hold every element type, empty tensors, scalars and padding in the header', async () => {
    const bits: Record<string, number> = { F64: 64, F32: 32, F16: 16, BF16: 16, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F4: 4, I64: 64, I32: 32, I16: 16, I8: 8, U64: 64, U32: 32, U16: 16, U8: 8, BOOL: 8, C64: 64, F6_E2M3: 6, F6_E3M2: 6 };
    let at = 0;
    const header: Record<string, unknown> = { empty: { dtype: 'F32', shape: [0, 3], data_offsets: [0, 0] } };
    for (const [dtype, width] of Object.entries(bits)) {
      header[dtype] = { dtype, shape: [2, 4], data_offsets: [at, (at += width)] };
    }
    header.scalar = { dtype: 'F32', shape: [], data_offsets: [at, at + 4] };
    const file = await openModelFile(write(`${JSON.stringify(header)}     `, at + 4));
    assert.deepEqual(file.tensors.map(({ dtype }) => dtype).slice(0, 9), ['float32', 'float64', 'float32', 'float16', 'bfloat16', 'float8e4m3fn', 'float8e5m2', 'float8e8m0', 'float4e2m1']);
    assert.deepEqual(file.skipped?.map(({ tensor }) => tensor), ['F6_E2M3', 'F6_E3M2']);
    assert.equal(file.tensors.length, Object.keys(bits).length);
  });

  it('may have no tensors and any name', async () => {
    assert.deepEqual((await openModelFile(write('{}', 0))).tensors, []);
    const names = ['__proto__', 'constructor', '\u0000', '…/../x'];
    const header = `{${names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(f32(4 * i, 1))}`).join()}}`;
    assert.deepEqual((await openModelFile(write(header, 16))).tensors.map(({ name }) => name), names);
  });

  describe('are refused with the value and the limit', () => {
    const one = (entry: unknown, data: number) => safetensorsOf(JSON.stringify({ t: entry }), data);
    const hugeLength = Buffer.from('ffffffffffffff7f7b7d', 'hex');
    const cases: [string, Buffer, string, RegExp][] = [
      ['a header above the limit', Buffer.concat([Buffer.from([0, 0, 0, 0x10, 0, 0, 0, 0]), Buffer.from('{}')]), 'model/limit', /268\.4 MB .*100\.0 MB/],
      ['a length beyond 2^53', hugeLength, 'model/limit', /header of 9\.2 EB .*100\.0 MB/],
      ['a file that ends in the header', safetensorsOf(`{"t":${JSON.stringify(f32(0, 4))}}`, 0).subarray(0, 30), 'model/truncated', /ends within its header \(30 bytes/],
      ['a file that ends in the data', one(f32(0, 4), 15), 'model/truncated', /should have/],
      ['bytes after the data', one(f32(0, 4), 17), 'model/corrupt', /1 byte after its last tensor/],
      ['no JSON', safetensorsOf('{"t":', 0), 'model/corrupt', /no valid JSON/],
      ['no UTF-8', Buffer.concat([Buffer.from('0400000000000000', 'hex'), Buffer.from('7b22ff7d', 'hex')]), 'model/corrupt', /no valid JSON/],
      ['no header', safetensorsOf('', 4), 'model/not-recognised', /not recognised as safetensors/],
      ['a header that is text after the brace', safetensorsOf('{"a" "b"}', 0), 'model/corrupt', /JSON/],
      ['a repeated name', safetensorsOf(`{"t":${JSON.stringify(f32(0, 1))}, "\\u0074" : ${JSON.stringify(f32(4, 1))}}`, 8), 'model/corrupt', /'t' twice/],
      ['a repeated member', safetensorsOf('{"t":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,8]}}', 8), 'model/corrupt', /'dtype' twice/],
      ['an overlap', safetensorsOf(JSON.stringify({ a: f32(0, 2), b: f32(4, 2) }), 12), 'model/corrupt', /'b' .*overlaps .* 4 bytes/],
      ['a hole', safetensorsOf(JSON.stringify({ a: f32(0, 2), b: f32(12, 2) }), 20), 'model/corrupt', /'b' .*leaves 4 bytes/],
      ['a length that does not fit the shape', one({ dtype: 'F32', shape: [3, 3], data_offsets: [0, 32] }, 32), 'model/corrupt', /F32 \[3, 3\] takes 36 bytes, .*32 bytes/],
      ['a shape whose product overflows', one({ dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 0] }, 0), 'model/limit', /'t'.* elements/],
      ['a negative size', one({ dtype: 'F32', shape: [-1], data_offsets: [0, 4] }, 4), 'model/limit', /\[-1\]/],
      ['a fraction as a size', one({ dtype: 'F32', shape: [0.5], data_offsets: [0, 2] }, 2), 'model/limit', /\[0\.5\]/],
      ['offsets that run backwards', one({ dtype: 'F32', shape: [1], data_offsets: [4, 0] }, 4), 'model/corrupt', /begins at 4/],
      ['offsets of text', one({ dtype: 'F32', shape: [1], data_offsets: ['0', '4'] }, 4), 'model/corrupt', /offsets/],
      ['an unknown type', one({ dtype: 'F7', shape: [1], data_offsets: [0, 1] }, 1), 'model/corrupt', /unknown element type 'F7' \(known: F64, /],
      ['half a byte', one({ dtype: 'F4', shape: [3], data_offsets: [0, 2] }, 2), 'model/corrupt', /3 elements of 4 bits/],
      ['a tensor without description', one(5, 0), 'model/corrupt', /'t' .*no description/],
      ['metadata that is no text', safetensorsOf('{"__metadata__":{"a":1}}', 0), 'model/corrupt', /metadata/],
      ['nesting without end', safetensorsOf(`{"t":${'['.repeat(100_000)}`, 0), 'model/corrupt', /JSON/],
    ];
    for (const [what, bytes, code, sentence] of cases) {
      it(what, async () => {
        writeFileSync(temporary('bad.safetensors'), bytes);
        const error = await refusalOf(temporary('bad.safetensors'));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, sentence);
      });
    }
  });

  describe('in shards', () => {
    const folder = (name: string) => {
      mkdirSync(temporary(name), { recursive: true });
      return (file: string) => path.join(temporary(name), file);
    };
    const index = (map: Record<string, unknown>) => JSON.stringify({ metadata: { total_size: 12 }, weight_map: map });
    const complete = (name: string) => {
      const at = folder(name);
      writeFileSync(at('model-00001-of-00002.safetensors'), safetensorsOf(JSON.stringify({ __metadata__: { format: 'pt' }, b: f32(0, 1), a: f32(4, 1) }), new Uint8Array(Float32Array.of(1, 2).buffer)));
      writeFileSync(at('model-00002-of-00002.safetensors'), safetensorsOf(JSON.stringify({ c: f32(0, 1), extra: f32(4, 1) }), new Uint8Array(Float32Array.of(3, 4).buffer)));
      writeFileSync(at('model.safetensors.index.json'), index({ c: 'model-00002-of-00002.safetensors', a: 'model-00001-of-00002.safetensors', b: 'model-00001-of-00002.safetensors' }));
      return at;
    };

    it('open whole, by the index or by any shard', async () => {
      const at = complete('whole');
      for (const name of ['model.safetensors.index.json', 'model-00002-of-00002.safetensors']) {
        assert.equal(await recogniseFormat(at(name)), 'safetensors');
        const file = await openModelFile(at(name));
        assert.equal(file.path, at('model.safetensors.index.json'));
        assert.deepEqual(file.files, ['model.safetensors.index.json', 'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'].map(at));
        assert.equal(file.bytes, file.files.reduce((sum, each) => sum + statSync(each).size, 0));
        assert.deepEqual(file.tensors.map((tensor) => tensor.name), ['b', 'a', 'c']);
        assert.deepEqual(file.skipped, [{ tensor: 'extra', reason: 'lies in model-00002-of-00002.safetensors, where the index model.safetensors.index.json does not name it' }]);
        assert.equal(file.producer, 'pytorch');
        assert.deepEqual((await valuesOf(file.tensors[2])).values, [3]);
      }
    });

    it('open alone where no index lists them', async () => {
      const at = complete('whole');
      const stale = complete('stale');
      writeFileSync(stale('model.safetensors.index.json'), index({ a: 'model-00009-of-00009.safetensors' }));
      assert.deepEqual((await openModelFile(stale('model-00001-of-00002.safetensors'))).path, stale('model-00001-of-00002.safetensors'));
      const other = folder('alone')('model-00001-of-00002.safetensors');
      copyFileSync(at('model-00001-of-00002.safetensors'), other);
      assert.deepEqual((await openModelFile(other)).tensors.map((tensor) => tensor.name), ['b', 'a']);
    });

    it('may be links into the blobs of a Hugging Face cache, and nowhere else', async () => {
      const at = complete('whole');
      const snapshot = `models--a--b/snapshots/${'0123456789'.repeat(4)}`;
      const cache = folder(snapshot);
      folder('models--a--b/blobs');
      copyFileSync(at('model.safetensors.index.json'), cache('model.safetensors.index.json'));
      for (const shard of ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']) {
        copyFileSync(at(shard), temporary(`models--a--b/blobs/${shard}.blob`));
        symlinkSync(`../../blobs/${shard}.blob`, cache(shard));
      }
      assert.equal((await openModelFile(cache('model.safetensors.index.json'))).tensors.length, 3);
      const elsewhere = folder('elsewhere');
      copyFileSync(at('model.safetensors.index.json'), elsewhere('model.safetensors.index.json'));
      for (const shard of ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']) symlinkSync(at(shard), elsewhere(shard));
      assert.match((await refusalOf(elsewhere('model.safetensors.index.json'))).message, /link that leads out/);
    });

    const broken: [string, string, string, RegExp][] = [
      ['a missing shard', index({ a: 'model-00001-of-00002.safetensors', b: 'gone.safetensors' }), 'model/external-data', /'gone\.safetensors', which is missing/],
      ['a shard outside the folder', index({ a: '../model-00001-of-00002.safetensors' }), 'model/external-data', /out of its folder/],
      ['an absolute shard', index({ a: '/etc/passwd.safetensors' }), 'model/external-data', /absolute/],
      ['a Windows drive', index({ a: 'C:\\x.safetensors' }), 'model/external-data', /absolute/],
      ['a pickle as a shard', index({ a: 'pytorch_model-00001-of-00002.bin' }), 'model/corrupt', /no safetensors file/],
      ['a tensor that is not there', index({ z: 'model-00001-of-00002.safetensors' }), 'model/corrupt', /'z' lies in/],
      ['a number as a shard', index({ a: 5 }), 'model/corrupt', /'5'/],
      ['no map', '{"metadata":{}}', 'model/corrupt', /weight_map/],
      ['half the text', index({ a: 'x.safetensors' }).slice(0, -3), 'model/corrupt', /valid JSON/],
      ['a repeated name', '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', 'model/corrupt', /'a' twice/],
      ['no JSON object', '[]', 'model/not-recognised', /JSON file, not safetensors/],
    ];
    for (const [what, text, code, sentence] of broken) {
      it(`are refused for ${what}`, async () => {
        const at = complete('broken');
        writeFileSync(at('model.safetensors.index.json'), text);
        const error = await refusalOf(at('model.safetensors.index.json'));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, sentence);
      });
    }
  });
});
