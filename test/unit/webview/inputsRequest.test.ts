import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePreprocess, parseRange } from '../../../server/inputs/preprocess.js';
import { emptyFields, fieldsOf, presetOf, presets, requestOf, splitArray } from '../../../webview/panels/inputsRequest.js';

describe('fields of the form for inputs', () => {
  it('are a request as the command line would write it', () => {
    assert.equal(requestOf(emptyFields), null);
    assert.deepEqual(requestOf({ ...emptyFields, file: '/a/x.npz' }), { file: '/a/x.npz', labels: null, preprocess: null, layout: null, range: null, resize: false });
    assert.deepEqual(requestOf({ file: '/a/x.npz', array: 'test', labels: '/a/y.npy', layout: 'nhwc', divideBy255: true, mean: '0.1, 0.2,0.3', std: ' 0.5 ', range: '0, 1', resize: true }), {
      file: '/a/x.npz#test', labels: '/a/y.npy', preprocess: 'x/255 mean=0.1,0.2,0.3 std=0.5', layout: 'nhwc', range: '0,1', resize: true,
    });
  });

  it('come back from their request', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0.01, max: 10 }).map(String);
    const numbers = fc.oneof(fc.constant(''), number, fc.array(number, { minLength: 3, maxLength: 3 }).map((all) => all.join(',')));
    const fields = fc.record({ file: fc.constantFrom('/a/x.npz', '/a b/x.npz'), array: fc.constantFrom('', 'test'), labels: fc.constantFrom('', '/y.npz#y'), layout: fc.constantFrom('', 'nchw', 'nhwc'), divideBy255: fc.boolean(), mean: numbers, std: numbers, range: fc.constantFrom('', '0,1'), resize: fc.boolean() });
    fc.assert(
      fc.property(fields, (given) => {
        const request = requestOf({ ...given });
        assert.ok(request);
        assert.deepEqual(fieldsOf(request), { ...given });
        const { divideBy255, mean } = parsePreprocess(request.preprocess ?? 'none');
        assert.equal(divideBy255, given.divideBy255);
        assert.deepEqual(mean, given.mean === '' ? [0] : given.mean.split(',').map(Number));
        if (request.range !== null) assert.deepEqual(parseRange(request.range), { low: 0, high: 1 });
      }),
    );
  });

  it('know their preset, however its numbers are written', () => {
    for (const preset of presets) {
      const { key, ...scaling } = preset;
      assert.equal(presetOf({ ...emptyFields, ...scaling }), key);
      assert.doesNotThrow(() => parsePreprocess(requestOf({ ...emptyFields, file: 'x', ...scaling })?.preprocess ?? 'none'));
    }
    assert.equal(presetOf({ ...emptyFields, divideBy255: true, mean: '.4914, .4822, .4465', std: '.2471,.2435,.2616' }), 'cifar10');
    assert.equal(presetOf({ ...emptyFields, mean: '0.5' }), null);
  });

  it('split an array off an archive alone', () => {
    assert.deepEqual(splitArray('/a/x.npz#y'), { file: '/a/x.npz', array: 'y' });
    assert.deepEqual(splitArray('/a#b/x.csv'), { file: '/a#b/x.csv', array: '' });
    assert.deepEqual(splitArray('/a.npz#b/x.npz'), { file: '/a.npz#b/x.npz', array: '' });
  });
});
