/** A tunnel's configuration for one who runs the NHRP engine alone, because a kernel does GRE and IPsec. */
import type { EngineConfig, RouteChange } from '../nhrp/engine/api.js';
import type { TunnelConfig } from './config.js';
import { readConfig } from './settings.js';

export interface EngineSettings {
  /** Checked, with its defaults. */
  readonly engine: EngineConfig;
  /** The static routes, for `handleRoutes`; LANs are in `engine.localPrefixes`. */
  readonly routes: readonly RouteChange[];
}

/**
 * The engine's share of a tunnel's configuration. With a `protection` other than `insecure-cleartext` the engine
 * waits for `handlePeer`.
 * @throws TypeError or RangeError that begins with the path of the offending value.
 */
export function engineSettings(tunnel: TunnelConfig): EngineSettings {
  const [settings] = readConfig({ tunnels: [tunnel] }).tunnels;
  if (!settings) throw new Error('bug: a tunnel without settings');
  const { engine, otherEngine, routes } = settings;
  if (otherEngine !== null)
    throw new TypeError(
      'tunnels[0].otherAddress: an engine is of one family; ask for each by itself',
    );
  return { engine, routes };
}
