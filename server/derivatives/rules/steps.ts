import { constantRule, type Rules } from '../rule.js';

/** Operators that are constant between jumps, or depend on shapes alone: their derivative is zero. */
const operators = [
  'And', 'ArgMax', 'ArgMin', 'BitShift', 'BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor', 'Ceil', 'Constant', 'ConstantOfShape',
  'Equal', 'EyeLike', 'Floor', 'Greater', 'GreaterOrEqual', 'Hardmax', 'IsInf', 'IsNaN', 'Less', 'LessOrEqual', 'NonMaxSuppression',
  'NonZero', 'Not', 'Or', 'RandomNormalLike', 'RandomUniformLike', 'Round', 'Shape', 'Sign', 'Size', 'Xor',
];

export const steps: Rules = Object.fromEntries(operators.map((operator) => [operator, constantRule]));
