/** The units of work and their outcomes, for the analyses: how they travel is the protocol's business. */
export type { InputsRequest, WorkerEvent, WorkerOutcome, WorkerUnit } from '../protocol.js';
