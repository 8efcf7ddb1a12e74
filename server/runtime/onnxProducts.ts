import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { float64Type, onnxGraphBytes, type GraphNode } from './onnxGraphBytes.js';
import { inPieces, type Block, type Products } from './productPieces.js';

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
  const session = (node: GraphNode): Promise<InferenceSession> =>
    runtime.InferenceSession.create(onnxGraphBytes([node], node.inputs.map(matrix), node.outputs.map(matrix)), options);
  const [multiplyByTransposed, multiplyTransposed, subtract] = await Promise.all([
    session({ operator: 'Gemm', inputs: ['a', 'b'], outputs: ['c'], integers: { transB: 1 } }),
    session({ operator: 'Gemm', inputs: ['a', 'b'], outputs: ['c'], integers: { transA: 1, transB: 1 } }),
    session({ operator: 'Gemm', inputs: ['a', 'b', 'd'], outputs: ['c'], floats: { alpha: -1 } }),
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

function matrix(name: string): { name: string; elementType: number; dimensions: string[] } {
  // Dimensions of different names are checked against the operator's rule when it runs.
  return { name, elementType: float64Type, dimensions: [`${name}Rows`, `${name}Columns`] };
}
