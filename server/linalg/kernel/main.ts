/** What the host calls. All addresses are bytes, all lengths and strides are elements. */
export { clear, copyMatrix } from './elements';
export { scratchLength, useScratch, heapBase, maximumPanel } from './scratch';
export { gemm } from './gemm';
export { factorPanel } from './householder';
export { addSquares, axpy, dot, maximumAbsolute, scale, sumOfSquares } from './vectors';
export { chaseBulges, chaseBulgesPart, readBidiagonal } from './bulgeChase';
export { dqdsStackLength, dqdsStart, dqdsRun } from './dqds';
export { orthogonalise } from './orthogonalise';
export { chaseSymmetric, chaseSymmetricPart, readTridiagonal } from './symmetricChase';
export { rationalQl } from './rationalQl';
export { complexSingularValues, complexWorkLength } from './complexValues';
