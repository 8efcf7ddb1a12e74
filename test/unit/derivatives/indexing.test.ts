import { assertDerivatives, int, text, type Operand, type OperatorCase } from '../../support/derivatives.js';

const x = { shape: [3, 4] };
const indices = (shape: readonly number[], ...constant: number[]): Operand => ({ constant, shape });

/** The cases of one operator, each with what sets it apart. */
const cases: Record<string, [string, Omit<OperatorCase, 'operator'>][]> = {
  Gather: [
    ['of rows of a table, one of them twice', { operands: [{ shape: [5, 3] }, indices([2, 2], 1, 4, 1, 0)] }],
    ['by indices from the end', { operands: [x, indices([2], -1, 0)], attributes: { axis: int(-1) } }],
    ['of a single part', { operands: [x, indices([], -1)] }],
    ['of parts that follow one another', { operands: [x, indices([2], 1, 2)], attributes: { axis: int(1) } }],
  ],
  GatherElements: [['along the last axis', { operands: [x, indices([2, 3], 0, -1, 0, 2, 2, 1)], attributes: { axis: int(-1) } }]],
  GatherND: [['of elements', { operands: [x, indices([2, 2], 0, 1, -1, 3)] }], ['of rows in batches', { operands: [{ shape: [2, 3, 2] }, indices([2, 1], 1, 0)], attributes: { batch_dims: int(1) } }]],
  Compress: [['of rows', { operands: [x, { constant: [1, 0, 1], dtype: 'bool' }], attributes: { axis: int(0) } }], ['of all elements', { operands: [x, { constant: [0, 1, 0, 0, 1], dtype: 'bool' }] }]],
  OneHot: [['by its values', { operands: [indices([3], 1, -1, 5), { constant: [4], shape: [1] }, { shape: [2] }], attributes: { axis: int(0) } }]],
  TopK: [
    ['largest', { operands: [{ shape: [3, 6] }, indices([1], 2)], outputs: 2 }],
    ['smallest along the first axis', { operands: [{ shape: [6, 3] }, indices([1], 3)], attributes: { axis: int(0), largest: int(0) }, outputs: 2 }],
    ['of operator set 9', { operands: [{ shape: [3, 6] }], attributes: { k: int(2), axis: int(-1) }, outputs: 2, opset: 9 }],
  ],
  Unique: [['of elements that differ', { operands: [{ shape: [2, 3] }] }], ['of columns that differ', { operands: [{ shape: [2, 3] }], attributes: { axis: int(1) } }]],
  CumSum: [0, 1].flatMap((exclusive) => [0, 1].map((reverse): [string, Omit<OperatorCase, 'operator'>] => [`with exclusive ${exclusive} and reverse ${reverse}`, { operands: [x, indices([], exclusive === 0 ? -1 : 0)], attributes: { exclusive: int(exclusive), reverse: int(reverse) } }])),
  ScatterElements: ['none', 'add', 'mul', 'max', 'min'].map((reduction): [string, Omit<OperatorCase, 'operator'>] => {
    const places = reduction === 'none' ? indices([2, 2], 0, -1, 1, 2) : indices([2, 2], 0, 0, 1, -1);
    return [`with the reduction ${reduction}`, { operands: [x, places, { shape: [2, 2] }], attributes: { axis: int(1), reduction: text(reduction) } }];
  }),
  ScatterND: [
    ...['none', 'add', 'mul', 'max', 'min'].map((reduction): [string, Omit<OperatorCase, 'operator'>] => [`of rows with the reduction ${reduction}`, { operands: [x, indices([2, 1], 2, 0), { shape: [2, 4] }], attributes: { reduction: text(reduction) } }]),
    ['of one element twice', { operands: [x, indices([2, 2], 1, 2, 1, 2), { shape: [2] }], attributes: { reduction: text('mul') } }],
  ],
  Scatter: [['of operator set 9', { operands: [x, indices([1, 2], 1, 3), { shape: [1, 2] }], attributes: { axis: int(1) }, opset: 9 }]],
};

describe('derivatives of operations by indices', () => {
  for (const [operator, variants] of Object.entries(cases)) {
    for (const [name, variant] of variants) {
      it(`${operator} ${name}`, async () => {
        await assertDerivatives({ operator, ...variant });
      });
    }
  }
});
