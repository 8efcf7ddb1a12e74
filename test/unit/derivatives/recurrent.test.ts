import { assertDerivatives, float, int, text, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { assertLowered } from '../../support/lowerings.js';

const [steps, batch, inputs, hidden] = [3, 2, 2, 3];
const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const;

/** X, W, R, and what is asked for of B, sequence_lens, initial_h, initial_c and P. */
function recurrent(operator: keyof typeof gates, directions: number, { bias = false, lengths, initial = false, peepholes = false }: { bias?: boolean; lengths?: readonly number[]; initial?: boolean; peepholes?: boolean }, attributes: OperatorCase['attributes'] = {}): OperatorCase {
  const rows = gates[operator] * hidden;
  const operands: Operand[] = [{ shape: [steps, batch, inputs] }, { shape: [directions, rows, inputs] }, { shape: [directions, rows, hidden] }];
  operands.push(bias ? { shape: [directions, 2 * rows] } : null, lengths ? { constant: lengths, dtype: 'int32' } : null, initial ? { shape: [directions, batch, hidden] } : null);
  if (operator === 'LSTM') operands.push(initial ? { shape: [directions, batch, hidden] } : null, peepholes ? { shape: [directions, 3 * hidden] } : null);
  return { operator, operands, attributes: { hidden_size: int(hidden), ...attributes }, outputs: operator === 'LSTM' ? 3 : 2 };
}

describe('derivatives of recurrent operators', () => {
  const cases: Record<string, OperatorCase> = {
    'a bare RNN': recurrent('RNN', 1, {}),
    'RNN in both directions, sequences of different lengths': recurrent('RNN', 2, { bias: true, lengths: [2, 3], initial: true }, { direction: text('bidirectional') }),
    'RNN with another activation': recurrent('RNN', 1, { bias: true }, { activations: { type: 'strings', value: ['ScaledTanh'] }, activation_alpha: { type: 'floats', value: [0.7] }, activation_beta: { type: 'floats', value: [0.4] } }),
    'GRU backwards': recurrent('GRU', 1, { bias: true, initial: true }, { direction: text('reverse') }),
    'GRU in both directions, reset after the product': recurrent('GRU', 2, { bias: true, lengths: [3, 1] }, { direction: text('bidirectional'), linear_before_reset: int(1) }),
    'LSTM with peepholes': recurrent('LSTM', 1, { bias: true, initial: true, peepholes: true }),
    'LSTM in both directions, sequences of different lengths': recurrent('LSTM', 2, { bias: true, lengths: [1, 3] }, { direction: text('bidirectional') }),
    'LSTM with clipping and coupled gates': recurrent('LSTM', 1, { bias: true }, { clip: float(0.8), input_forget: int(1) }),
  };
  for (const [title, operator] of Object.entries(cases)) {
    it(title, async () => {
      await assertLowered(operator);
      await assertDerivatives(operator);
    });
  }
});
