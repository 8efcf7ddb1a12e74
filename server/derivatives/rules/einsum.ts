import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { plus, type Rule, type Rules } from '../rule.js';

/** Einstein's sum of products with every letter written out: no ellipsis, and the result's letters told. */
export interface Equation {
  operands: string[];
  result: string;
}

interface Factor {
  letters: string;
  value: Value;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * y = Σ Π x_i over the letters that the result lacks (https://onnx.ai/onnx/operators/onnx__Einsum.html). It is linear in each
 * operand, so that both products are such sums themselves, with one more letter for the directions.
 */
const einsum: Rule = {
  forward(operation, tangents) {
    const { graph } = operation;
    const { operands, result } = equationOf(operation);
    const [direction] = unusedLetters(operands);
    const parts = tangents.map((tangent, moved) => {
      if (tangent === null) return null;
      const factors = operands.map((letters, i) => (i === moved ? { letters: direction + letters, value: tangent } : { letters, value: operation.input(i) }));
      return sumOfProducts(operation, factors, direction + result, [operation.directions, ...operation.output().shape]);
    });
    return [parts.reduce((sum, part) => plus(graph, sum, part), null)];
  },
  reverse(operation, [cotangent], needed) {
    if (cotangent === null) return [];
    return needed.map((isNeeded, i) => (isNeeded ? cotangentOf(operation, cotangent, i) : null));
  },
};

/** The cotangent times all other operands, summed over the letters that the operand lacks. */
function cotangentOf(operation: Operation, cotangent: Value, operand: number): Value {
  const { graph } = operation;
  const { operands, result } = equationOf(operation);
  const [direction, ...unused] = unusedLetters(operands);
  const others = operands.flatMap((letters, i) => (i === operand ? [] : [{ letters, value: operation.input(i) }]));
  const factors: Factor[] = [{ letters: direction + result, value: cotangent }, ...others];
  const { shape, dtype } = operation.input(operand);
  let wanted = direction;
  const another = (): string => unused.shift() ?? operation.fail(`has more than the ${alphabet.length} letters that onnxruntime knows`);
  for (const [axis, letter] of Array.from(operands[operand]).entries()) {
    const size = shape[axis];
    const there = sizeOf(letter, factors);
    if (wanted.includes(letter)) {
      // The operand's diagonal was read: elsewhere the cotangent is zero.
      const repeated = another();
      factors.push({ letters: letter + repeated, value: graph.one('EyeLike', [graph.filled(0, [size, size], dtype)], [size, size]) });
      wanted += repeated;
    } else if (size === 1 && there !== 1) {
      // The operand was repeated along the axis, or summed over it.
      const single = another();
      factors.push({ letters: single, value: graph.filled(1, [1], dtype) });
      wanted += single;
    } else {
      if (there !== size) factors.push({ letters: letter, value: graph.filled(1, [size], dtype) });
      wanted += letter;
    }
  }
  return sumOfProducts(operation, factors, wanted, [operation.directions, ...shape]);
}

function sumOfProducts({ graph }: Operation, factors: readonly Factor[], result: string, shape: readonly number[]): Value {
  const equation = `${factors.map(({ letters }) => letters).join(',')}->${result}`;
  return graph.one('Einsum', factors.map(({ value }) => value), shape, { equation });
}

/** The largest size that a letter stands for; 0 where it is not used. */
function sizeOf(letter: string, factors: readonly Factor[]): number {
  return Math.max(0, ...factors.flatMap(({ letters, value }) => Array.from(letters).flatMap((own, axis) => (own === letter ? [value.shape[axis]] : []))));
}

function unusedLetters(operands: readonly string[]): string[] {
  return Array.from(alphabet).reverse().filter((letter) => operands.every((letters) => !letters.includes(letter)));
}

function equationOf(operation: Operation): Equation {
  return explicitEquation(operation.text('equation', ''), operation.inputs.map((_, i) => operation.input(i).shape.length));
}

/**
 * An equation with letters in the place of each ellipsis, aligned at its end, and with its result: if that is not told, the
 * ellipsis and then the letters that occur once, in the order of the alphabet.
 * @param ranks of the operands
 */
export function explicitEquation(text: string, ranks: readonly number[]): Equation {
  const [left, right] = text.replaceAll(' ', '').split('->') as [string, string | undefined];
  const terms = left.split(',');
  const covered = terms.map((term, i) => (term.includes('...') ? ranks[i] - term.replace('...', '').length : 0));
  const free = Array.from(alphabet).filter((letter) => !text.includes(letter));
  const ellipsis = free.slice(0, Math.max(0, ...covered)).join('');
  const operands = terms.map((term, i) => term.replace('...', ellipsis.slice(ellipsis.length - covered[i])));
  if (right !== undefined) return { operands, result: right.replace('...', ellipsis) };
  const letters = Array.from(left.replaceAll(/[,.]/g, ''));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return { operands, result: ellipsis + once.join('') };
}

export const sums: Rules = { Einsum: einsum };
