import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { onnxModelBytes, type OnnxNode, type OnnxValue } from './onnxWriter.js';
import { inPieces, type Block, type Products } from './productPieces.js';

/**
 * onnxruntime has native float64 routines for x64 alone; elsewhere WebAssembly is faster. Decided by the processor and
 * not by a stopwatch: on a busy machine that would give the same model other last digits from run to run.
 */
export const hasNativeProducts = process.arch === 'x64';

/** Of the standard operators. */
const opset = 13;

/**
 * Products of float64 matrices by onnxruntime, whose native routines for x64 reach about twice the speed of WebAssembly:
 * the engine that server/linalg asks for as `MatrixProducts`. Loading it takes about 30 ms and 30 MB; where its binary
 * cannot be loaded the promise is rejected with the reason. Each product blocks this thread until it is done.
 * @param threads that one product may use
 */
export async function createOnnxProducts(threads: number): Promise<Products> {
  const runtime = await import('onnxruntime-node');
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: false,
    enableMemPattern: false,
    // Threads that wait by spinning take the processor from those that work.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  const session = (operator: string, inputs: string[], attributes: OnnxNode['attributes']): Promise<InferenceSession> => {
    const node = { operator, domain: '', inputs, outputs: ['c'], attributes };
    return runtime.InferenceSession.create(onnxModelBytes({ nodes: [node], inputs: inputs.map(matrix), outputs: [matrix('c')], initializers: [] }, { '': opset }), options);
  };
  const transposed = { type: 'int', value: 1 } as const;
  const [multiplyByTransposed, multiplyTransposed, subtract] = await Promise.all([
    session('Gemm', ['a', 'b'], { transB: transposed }),
    session('Gemm', ['a', 'b'], { transA: transposed, transB: transposed }),
    session('Gemm', ['a', 'b', 'd'], { alpha: { type: 'float', value: -1 } }),
  ]);
  const tensor = ({ elements, rows, columns }: Block): Tensor => new runtime.Tensor('float64', elements, [rows, columns]);
  return inPieces({
    name: threads === 1 ? 'onnxruntime' : `onnxruntime, ${threads} threads`,
    async multiplyByTransposed(a: Block, b: Block, c: Block): Promise<number> {
      await multiplyByTransposed.run({ a: tensor(a), b: tensor(b) }, { c: tensor(c) });
      return a.rows * a.columns * b.rows;
    },
    async multiplyTransposed(a: Block, b: Block, c: Block): Promise<number> {
      await multiplyTransposed.run({ a: tensor(a), b: tensor(b) }, { c: tensor(c) });
      return a.rows * a.columns * b.rows;
    },
    async subtract(a: Block, b: Block, c: Block): Promise<number> {
      await subtract.run({ a: tensor(a), b: tensor(b), d: tensor(c) }, { c: tensor(c) });
      return a.rows * a.columns * b.columns;
    },
  });
}

function matrix(name: string): OnnxValue {
  // Dimensions of different names are checked against the operator's rule when it runs.
  return { name, elementType: 'float64', shape: [`${name}Rows`, `${name}Columns`] };
}
