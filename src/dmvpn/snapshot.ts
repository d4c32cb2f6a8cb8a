/** What outlives the process: plain JSON data. */
import type { EngineSnapshot } from '../nhrp/engine/snapshot.js';

export interface NodeSnapshot {
  readonly version: 1;
  /** By name of the tunnel. */
  readonly tunnels: Readonly<Record<string, EngineSnapshot>>;
}
