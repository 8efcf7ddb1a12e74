import { constantRule, type Rules } from '../rule.js';

/** Operators that are constant between jumps, draw numbers, or depend on shapes alone: their derivative is zero. */
const operators = [
  'And', 'ArgMax', 'ArgMin', 'Bernoulli', 'BitCast', 'BitShift', 'BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor', 'BlackmanWindow',
  'Ceil', 'Constant', 'ConstantOfShape', 'Equal', 'EyeLike', 'Floor', 'Greater', 'GreaterOrEqual', 'HammingWindow', 'HannWindow',
  'Hardmax', 'IsInf', 'IsNaN', 'Less', 'LessOrEqual', 'MelWeightMatrix', 'Multinomial', 'NonMaxSuppression', 'NonZero', 'Not',
  'OptionalHasElement', 'Or', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Round', 'Shape', 'Sign', 'Size',
  'Xor',
];

export const steps: Rules = Object.fromEntries(operators.map((operator) => [operator, constantRule]));
