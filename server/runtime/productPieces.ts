/** A float64 matrix, row by row without gaps. */
export interface Block {
  elements: Float64Array;
  rows: number;
  columns: number;
}

type Product = (a: Block, b: Block, c: Block) => Promise<number>;

/** The products that server/linalg asks of an engine: see its `MatrixProducts`. */
export interface Products {
  readonly name: string;
  multiplyByTransposed: Product;
  multiplyTransposed: Product;
  subtract: Product;
}

/** Elements of a result that are computed at a time: 16 MB. */
const pieceElements = 2 * 1024 * 1024;

/**
 * The same engine, with large results computed some rows at a time where that can be. onnxruntime's binding for Node copies every result
 * into a new array, also where it has been written in place: of a whole matrix that would take its memory several times
 * over until the copies are collected, and up to half of the time.
 */
export function inPieces(products: Products): Products {
  const byRows = (operation: Product): Product => async (a, b, c) => {
    const rowsAtATime = Math.max(1, Math.floor(pieceElements / c.columns));
    if (c.rows <= rowsAtATime) return operation(a, b, c);
    let work = 0;
    for (let from = 0; from < c.rows; from += rowsAtATime) {
      const count = Math.min(rowsAtATime, c.rows - from);
      work += await operation(rowsOf(a, from, count), b, rowsOf(c, from, count));
    }
    return work;
  };
  return {
    name: products.name,
    multiplyByTransposed: byRows((a, b, c) => products.multiplyByTransposed(a, b, c)),
    // Rows of this result are columns of a, which do not lie together.
    multiplyTransposed: (a, b, c) => products.multiplyTransposed(a, b, c),
    subtract: byRows((a, b, c) => products.subtract(a, b, c)),
  };
}

function rowsOf({ elements, columns }: Block, from: number, count: number): Block {
  return { elements: elements.subarray(from * columns, (from + count) * columns), rows: count, columns };
}
