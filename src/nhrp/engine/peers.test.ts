import { describe, expect, it } from 'vitest';
import type { EngineOutput } from './api.js';
import { address } from './engine-network.test-support.js';
import { Peers } from './peers.js';

const nbma = { address: address('192.0.2.1'), port: 0 };

function peers(isProtected = true): { peers: Peers; said: string[] } {
  const said: string[] = [];
  const push = (output: EngineOutput): void => {
    if (output.kind === 'peer') said.push(output.action);
  };
  return { peers: new Peers(isProtected, push), said };
}

describe('Peers', () => {
  it('wants a peer once and lets it go once, for 300 reasons as for one (FRR 6cfd90f353)', () => {
    const { peers: all, said } = peers();
    for (let i = 0; i < 300; i++) all.want(nbma);
    for (let i = 0; i < 299; i++) all.release(nbma);
    expect(said).toEqual(['want']);
    all.release(nbma);
    expect(said).toEqual(['want', 'release']);
    all.release(nbma); // once too often
    expect(said).toEqual(['want', 'release']);
  });

  it('has nobody up under protection before it is said, and everybody without it', () => {
    const { peers: all } = peers();
    all.want(nbma);
    expect(all.isUp(nbma)).toBe(false);
    expect([all.set(nbma, true), all.set(nbma, true), all.isUp(nbma)]).toEqual([true, false, true]);
    expect([all.set(nbma, false), all.isUp(nbma)]).toEqual([true, false]);
    expect(peers(false).peers.isUp(nbma)).toBe(true);
  });

  it('gives protection up and wants it anew for a peer that does not answer, if it is wanted and up (FRR 4cbaf956f6)', () => {
    const { peers: all, said } = peers();
    all.renew(nbma);
    all.want(nbma);
    all.renew(nbma);
    expect(said).toEqual(['want']);
    all.set(nbma, true);
    all.renew(nbma);
    expect(said).toEqual(['want', 'release', 'want']);
  });
});
