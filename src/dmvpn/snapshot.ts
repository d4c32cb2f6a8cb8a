/** What outlives the process: plain JSON data. */
import type { EngineSnapshot } from '../nhrp/engine/snapshot.js';

export interface NodeSnapshot {
  readonly version: 1;
  /** By name of the tunnel. */
  readonly tunnels: Readonly<Record<string, EngineSnapshot>>;
}

/** @throws TypeError that begins with the path of the offending value; what is in the tunnels, their engines check. */
export function checkSnapshot(saved: NodeSnapshot): void {
  if (saved.version !== 1) throw new TypeError('snapshot.version: 1 expected');
  const { tunnels } = saved as { readonly tunnels: unknown };
  if (typeof tunnels !== 'object' || tunnels === null || Array.isArray(tunnels))
    throw new TypeError('snapshot.tunnels: an object expected');
}

/** What was saved of the tunnel of that name, and nothing that every object inherits. */
export const savedOf = (
  saved: NodeSnapshot | undefined,
  name: string,
): EngineSnapshot | undefined =>
  saved && Object.hasOwn(saved.tunnels, name) ? saved.tunnels[name] : undefined;
