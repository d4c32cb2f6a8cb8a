/** The policy of a protected tunnel ("protection profile"): GRE between two NBMA hosts, protected or not at all. */
import { DEFAULT_REPLAY_WINDOW } from './esp/replay-window.js';
import { KEEPALIVE_INTERVAL_MS } from './esp/udp-encapsulation.js';

export interface ProtectionProfile {
  /** Anti-replay window in packets, 32..8192; 64. */
  readonly replayWindow: number;
  /** Ask whether the peer lives after so long without an answer to our packets; null = never; 10 s. */
  readonly livenessMs: number | null;
  /** NAT keepalives after so long without a packet, when this end is behind NAT (RFC 3948 §4); 20 s. */
  readonly keepaliveMs: number;
  /** 0..1: rekeying begins up to that share of the lifetime early, at random; 0.1. */
  readonly rekeyJitter: number;
  /** Most peers with associations, wanted or not; 16,384. */
  readonly maxPeers: number;
}

export const DEFAULT_PROFILE: ProtectionProfile = {
  replayWindow: DEFAULT_REPLAY_WINDOW,
  livenessMs: 10_000,
  keepaliveMs: KEEPALIVE_INTERVAL_MS,
  rekeyJitter: 0.1,
  maxPeers: 16_384,
};
