import { describe, expect, it } from 'vitest';
import { showDmvpn, showNhrpCache, showNhs, showRoutes, table } from './show.js';
import { hubTunnel, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

function network(): { lab: VirtualLab; hub: LabNode; one: LabNode } {
  const lab = new VirtualLab();
  const hub = lab.add(hubTunnel());
  const one = lab.add(spokeTunnel(1));
  lab.add(spokeTunnel(2));
  lab.run(1_000);
  one.ping('192.168.101.5', '192.168.102.5');
  lab.run(3_000);
  return { lab, hub, one };
}

describe('tables', () => {
  it('show the cache of a hub with what remains of each registration', () => {
    const { lab, hub } = network();
    expect(showNhrpCache(hub.node.view(lab.now)).split('\n')).toEqual([
      'Tunnel  Type     Protocol       NBMA         Claimed NBMA  Expires   Flags',
      '------  -------  -------------  -----------  ------------  --------  -------------------------',
      'tun100  dynamic  10.0.0.1/32    192.168.1.2                00:04:56  unique registered up',
      'tun100  dynamic  10.0.0.2/32    192.168.2.2                00:04:56  unique registered used up',
      'tun100  local    10.0.0.100/32  -                          never',
    ]);
  });

  it('show the peers of a spoke, the shortcut marked as a route of its own', () => {
    const { lab, one } = network();
    const text = showDmvpn(one.node.view(lab.now));
    expect(text).toMatch(/tun100 {2}192\.168\.2\.2 +10\.0\.0\.2 +UP +00:00:0\d +DT1/);
    expect(text).toMatch(/tun100 {2}192\.168\.0\.2 +10\.0\.0\.100 +UP +00:00:0\d +S/);
    expect(showNhs(one.node.view(lab.now))).toMatch(/10\.0\.0\.100 +192\.168\.0\.2 +0 +up/i);
    expect(showRoutes(one.node.view(lab.now))).toMatch(
      /192\.168\.102\.0\/24 +shortcut +10\.0\.0\.2/,
    );
  });

  it('have columns as wide as their widest cell, and no blanks at the ends of lines', () => {
    expect(
      table(
        ['A', 'Long'],
        [
          ['value', ''],
          ['b', 'c'],
        ],
      ),
    ).toBe('A      Long\n-----  ----\nvalue\nb      c');
  });
});
