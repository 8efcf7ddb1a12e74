/** The units of work and their outcomes, for the analyses: how they travel is the protocol's business. */
export type { FailureCode, InputsRequest, JacobianUnit, PreviewUnit, WeightUnit, WorkerEvent, WorkerOutcome, WorkerUnit } from '../protocol.js';
