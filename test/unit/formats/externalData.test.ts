import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModelFile } from '../../../server/formats/open.js';
import { bytesField, DATA_TYPE, externalData, model, numberField, tensor } from './protobuf.js';
import { FIXTURES, refusalOf, temporaryFolder, valuesOf } from './support.js';

describe('data outside an ONNX file', () => {
  const temporary = temporaryFolder();
  const expected = (JSON.parse(readFileSync(path.join(FIXTURES, 'expected.json'), 'utf8')) as { external: Record<string, number[]> }).external;
  const write = (entries: Record<string, string>, shape: number[] = [4]) => {
    const file = temporary('folder/m.onnx');
    writeFileSync(file, model(tensor('w', DATA_TYPE.float32, shape, externalData(entries))));
    return file;
  };
  before(() => {
    mkdirSync(temporary('folder/inner'), { recursive: true });
    writeFileSync(temporary('folder/w.bin'), new Uint8Array(Float32Array.of(9, 1, 2, 3, 4).buffer));
    writeFileSync(temporary('folder/inner/w.bin'), new Uint8Array(16));
    writeFileSync(temporary('secret.bin'), new Uint8Array(64));
    symlinkSync(temporary('secret.bin'), temporary('folder/link.bin'));
    symlinkSync(temporary(''), temporary('folder/up'));
    symlinkSync('w.bin', temporary('folder/inside.bin'));
    symlinkSync('circle.bin', temporary('folder/circle.bin'));
  });

  it('is found beside it and counted once', async () => {
    const file = await openModelFile(path.join(FIXTURES, 'external.onnx'));
    assert.deepEqual(file.files, ['external.onnx', 'external.bin'].map((name) => path.resolve(FIXTURES, name)));
    assert.equal(file.bytes, readFileSync(file.files[0]).length + readFileSync(file.files[1]).length);
    for (const each of file.tensors) assert.deepEqual((await valuesOf(each)).values, expected[each.name]);
  });

  it('may lie in a folder below, behind a link inside, and at an offset', async () => {
    assert.deepEqual((await valuesOf((await openModelFile(write({ location: 'w.bin', offset: '4', length: '16' }))).tensors[0])).values, [1, 2, 3, 4]);
    assert.deepEqual((await valuesOf((await openModelFile(write({ location: './inner/w.bin' }))).tensors[0])).values, [0, 0, 0, 0]);
    const linked = await openModelFile(write({ location: 'inside.bin' }));
    assert.deepEqual((await valuesOf(linked.tensors[0])).values, [9, 1, 2, 3]);
  });

  it('opens with a model that was copied with it', async () => {
    for (const name of ['external.onnx', 'external.bin']) copyFileSync(path.join(FIXTURES, name), temporary(`folder/${name}`));
    assert.equal((await openModelFile(temporary('folder/external.onnx'))).tensors.length, 2);
  });

  const cases: [string, Record<string, string>, RegExp][] = [
    ['above the folder', { location: '../secret.bin' }, /'\.\.\/secret\.bin', which leads out of its folder/],
    ['above the folder by a detour', { location: 'inner/../../secret.bin' }, /leads out/],
    ['above the folder by backslashes', { location: '..\\secret.bin' }, /leads out/],
    ['at an absolute path', { location: '/etc/hosts' }, /absolute path/],
    ['on a Windows drive', { location: 'C:/Windows/win.ini' }, /absolute path/],
    ['on a network share', { location: '\\\\host\\share' }, /absolute path/],
    ['behind a link that leads out', { location: 'link.bin' }, /link that leads out/],
    ['behind a folder link that leads out', { location: 'up/secret.bin' }, /link that leads out/],
    ['behind a link in a circle', { location: 'circle.bin' }, /ELOOP/],
    ['nowhere', { location: 'gone.bin' }, /'gone\.bin', which is missing in .*folder/],
    ['in a folder', { location: 'inner' }, /no regular file/],
    ['without a name', { location: '' }, /no file name/],
    ['without a location', { offset: '0' }, /does not name/],
    ['beyond the end', { location: 'w.bin', offset: '8' }, /20 bytes, .*up to byte 24/],
    ['at a negative offset', { location: 'w.bin', offset: '-4' }, /offset '-4'/],
    ['at an absurd offset', { location: 'w.bin', offset: '99999999999999999999' }, /offset '99999/],
    ['in another length', { location: 'w.bin', length: '12' }, /takes 16 bytes, but 12 bytes/],
    ['at a name with a zero byte', { location: 'w.bin\0' }, /no file name/],
  ];
  for (const [what, entries, sentence] of cases) {
    it(`is refused ${what}`, async () => {
      const error = await refusalOf(write(entries));
      assert.match(error.code, /external-data|corrupt/);
      assert.match(error.message, sentence);
    });
  }

  it('is refused for an absurd shape', async () => {
    assert.match((await refusalOf(write({ location: 'w.bin' }, [2 ** 20, 2 ** 20]))).message, /needs it up to byte 4398046511104/);
  });

  it('is checked for tensors in branches too', async () => {
    const attribute = bytesField(5, bytesField(1, 'value'), bytesField(5, numberField(1, 4), numberField(2, 1), externalData({ location: '../secret.bin' })), numberField(20, 4));
    writeFileSync(temporary('folder/constant.onnx'), model(bytesField(1, bytesField(2, 'y'), bytesField(4, 'Constant'), attribute)));
    assert.equal((await refusalOf(temporary('folder/constant.onnx'))).code, 'model/external-data');
  });
});
