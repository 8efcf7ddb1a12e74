import { assertDerivatives, float, int, ints, text, type OperatorCase } from '../../support/derivatives.js';

const x = { shape: [2, 3, 4] };
const image = { shape: [2, 8, 2, 3] };
const list = (...constant: number[]) => ({ constant });

/** The cases of one operator, each with what sets it apart. */
const cases: Record<string, [string, Omit<OperatorCase, 'operator'>][]> = {
  Reshape: [['to a size that is left open', { operands: [x, list(0, -1)] }], ['to a vector', { operands: [x, list(24)] }]],
  Flatten: [['before an axis from the end', { operands: [x], attributes: { axis: int(-1) } }], ['before the first axis', { operands: [x], attributes: { axis: int(0) } }]],
  Squeeze: [['of an axis from the end', { operands: [{ shape: [2, 1, 3, 1] }, list(-1)] }], ['of all axes of size 1', { operands: [{ shape: [2, 1, 3, 1] }] }], ['of operator set 11', { operands: [{ shape: [2, 1, 3] }], attributes: { axes: ints(1) }, opset: 11 }]],
  Unsqueeze: [['at both ends', { operands: [x, list(0, -1)] }], ['of operator set 11', { operands: [x], attributes: { axes: ints(1) }, opset: 11 }]],
  Transpose: [['of all axes', { operands: [x] }], ['in a cycle', { operands: [x], attributes: { perm: ints(1, 2, 0) } }]],
  Expand: [['of axes in front and inside', { operands: [{ shape: [3, 1] }, list(2, 1, 4)] }], ['of a number', { operands: [{ shape: [] }, list(2, 3)] }]],
  Tile: [['of some axes', { operands: [x, list(2, 1, 3)] }]],
  Concat: [['along an axis from the end', { operands: [{ shape: [2, 3] }, { shape: [2, 1] }, { shape: [2, 2] }], attributes: { axis: int(-1) } }], ['with a constant', { operands: [{ shape: [2] }, { constant: [1, 2, 3], dtype: 'float32' }], attributes: { axis: int(0) } }]],
  Split: [
    ['into parts of given sizes', { operands: [x, list(1, 3)], attributes: { axis: int(-1) }, outputs: 2 }],
    ['with a smaller last part', { operands: [{ shape: [7] }], attributes: { num_outputs: int(3) }, outputs: 3 }],
    ['of operator set 13', { operands: [x], attributes: { axis: int(2) }, outputs: 2, opset: 13 }],
    ['of operator set 11', { operands: [x], attributes: { axis: int(2), split: ints(1, 3) }, outputs: 2, opset: 11 }],
  ],
  DepthToSpace: [['by columns', { operands: [image], attributes: { blocksize: int(2), mode: text('CRD') } }], ['by depth', { operands: [image], attributes: { blocksize: int(2) } }]],
  SpaceToDepth: [['of blocks of 2', { operands: [{ shape: [2, 3, 4, 6] }], attributes: { blocksize: int(2) } }]],
  Pad: [
    ['with zeros', { operands: [x, list(0, 1, 2, 1, 0, 3)] }],
    ['with a constant, some axes cut', { operands: [x, list(0, -1, 2, 1, 0, -2), { constant: [0.5], shape: [], dtype: 'float32' }] }],
    ['with a value that is differentiated by', { operands: [x, list(0, 1, 2, 1, 0, 3), { shape: [] }] }],
    ['of an axis from the end', { operands: [x, list(1, 2), null, list(-1)] }],
    ['of operator set 2', { operands: [x], attributes: { pads: ints(0, 1, 2, 1, 0, 3), value: float(2) }, opset: 9 }],
    ...['edge', 'reflect'].map((mode): [string, Omit<OperatorCase, 'operator'>] => [`in the mode ${mode}`, { operands: [x, list(0, 1, 2, 0, 0, 3)], attributes: { mode: text(mode) } }]),
    ['in the mode wrap', { operands: [x, list(0, 1, 2, 0, 0, 3)], attributes: { mode: text('wrap') }, opset: 19 }],
  ],
  Slice: [
    ['from the end, too far', { operands: [x, list(-3, 1), list(100, -1), list(-1, 1)] }],
    ['backwards', { operands: [x, list(-1), list(-100), list(2), list(-1)] }],
    ['in steps', { operands: [{ shape: [5, 8] }, list(1, 0), list(5, 8), list(0, 1), list(2, 3)] }],
    ['backwards in steps', { operands: [{ shape: [5, 8] }, list(3, 6), list(-100, 0), list(0, 1), list(-2, -3)] }],
    ['of all axes', { operands: [x, list(0, 1, 1), list(1, 3, 9)] }],
    ['of operator set 9', { operands: [x], attributes: { starts: ints(1), ends: ints(3), axes: ints(2) }, opset: 9 }],
  ],
  Trilu: [['upper, above the diagonal', { operands: [{ shape: [2, 4, 5] }, { constant: [1], shape: [] }] }], ['lower', { operands: [{ shape: [4, 3] }], attributes: { upper: int(0) } }]],
  ReverseSequence: [['of rows', { operands: [{ shape: [3, 4, 2] }, list(2, 4, 1)], attributes: { batch_axis: int(0), time_axis: int(1) } }], ['of columns', { operands: [{ shape: [3, 4, 2] }, list(2, 3, 1, 3)], attributes: { batch_axis: int(1), time_axis: int(0) } }]],
  CenterCropPad: [['cut and padded by odd numbers', { operands: [{ shape: [7, 4, 3] }, list(4, 7)], attributes: { axes: ints(0, 1) } }]],
};

describe('derivatives of operations on shapes', () => {
  for (const [operator, variants] of Object.entries(cases)) {
    for (const [name, variant] of variants) {
      it(`${operator} ${name}`, async () => {
        await assertDerivatives({ operator, ...variant });
      });
    }
  }
});
