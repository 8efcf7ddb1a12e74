import { elementsOf } from './expression.js';
import type { WeightExpression } from './model.js';
import { dequantizeView, isIntermediate, multiplyView, reshapeView, sliceView, transposeView, viewShape, wholeView, type Intermediate, type StridedView } from './stridedView.js';

/**
 * How an expression is read: a view of one stored tensor where it can be one, else of an array that is made first.
 * Nothing is read to plan it.
 */
export function planView(expression: WeightExpression): StridedView {
  switch (expression.op) {
    case 'stored':
      return wholeView(expression.tensor, expression.shape);
    case 'transpose':
      return transposeView(planView(expression.of), expression.permutation);
    case 'scale':
      return multiplyView(planView(expression.of), expression.factor);
    case 'reshape': {
      const inner = planView(expression.of);
      return reshapeView(inner, expression.shape) ?? wholeView(intermediate(inner), expression.shape);
    }
    case 'slice': {
      const inner = planView(expression.of);
      const { axis, start } = expression;
      const length = expression.shape[axis];
      const whole = () => wholeView(intermediate(inner), expression.of.shape);
      return sliceView(inner, axis, start, length) ?? sliceView(whole(), axis, start, length) ?? whole();
    }
    case 'dequantize': {
      const inner = planView(expression.of);
      return dequantizeView(inner, expression) ?? wholeView({ ...intermediate(inner), dequantize: expression }, expression.shape);
    }
    case 'concat': {
      const inner = elementsOf(expression.shape.slice(expression.axis + 1));
      const step = expression.shape[expression.axis] * inner;
      let offset = 0;
      const parts = expression.of.map((part) => {
        const length = part.shape[expression.axis] * inner;
        offset += length;
        return { view: planView(part), length, step, offset: offset - length };
      });
      return wholeView({ elements: elementsOf(expression.shape), parts, dequantize: null }, expression.shape);
    }
  }
}

/** The elements of a view as an array of its own. */
function intermediate(view: StridedView): Intermediate {
  const elements = elementsOf(viewShape(view));
  return { elements, parts: [{ view, length: elements, step: elements, offset: 0 }], dequantize: null };
}

/** Bytes that readWeight holds besides its target: 0 where the tensor is streamed straight to its places. */
export function intermediateBytes(expression: WeightExpression): number {
  // Most layers: a tensor as it lies in the file is always streamed. A model may have tens of thousands of them.
  if (expression.op === 'stored' || (expression.op === 'reshape' && expression.of.op === 'stored')) return 0;
  return bytesOf(planView(expression));
}

function bytesOf({ source }: StridedView): number {
  if (!isIntermediate(source)) return 0;
  return 8 * source.elements + Math.max(0, ...source.parts.map((part) => bytesOf(part.view)));
}
