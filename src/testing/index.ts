/**
 * A deterministic network simulator: any number of real nodes, NATs and hosts under one virtual clock, with loss,
 * duplication, reordering, corruption, partitions, restarts and sleep, by a seed.
 *
 * @module
 */
export type { BlueprintOptions } from './blueprint.js';
export { Blueprint } from './blueprint.js';
export type { FlowCount, FlowOptions } from './flow.js';
export type { Link } from './link.js';
export { PERFECT_LINK } from './link.js';
export type { NatBehaviour, NatDependence } from './nat.js';
export { RFC4787_NAT } from './nat.js';
export type { Hop, PingOptions, PingResult } from './probes.js';
export type { MessageCount } from './queries.js';
export { SeededRandom } from './random.js';
export type { CommandInput, NetworkCount, SentDatagram, SimulationOptions } from './simulation.js';
export { Simulation } from './simulation.js';
export type { Heard, ProbeAnswer } from './stack.js';
export type { NatOptions, StationOptions } from './topology.js';
