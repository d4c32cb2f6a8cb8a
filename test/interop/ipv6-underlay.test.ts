/**
 * An IPv6 NBMA network, which FRR's nhrpd does not have: our nodes among themselves, read by tshark, and our node
 * beside the ip6gre of a guest's kernel.
 */
import { describe, expect, it } from 'vitest';
import { expectDirect } from './direct.js';
import { ping, pingWhenRouted, shellOf } from './kernel.js';
import { inLab, type Lab } from './lab.js';
import { story } from './log.js';
import { NHRP } from './numbers.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';
import { nbma6Of } from './roles.js';

const V4 = { hub: '10.0.0.100', s1: '10.0.0.1', s2: '10.0.0.2', lan2: '172.16.2.0/24' };
const V6 = { hub: 'fd00:10::100', s1: 'fd00:10::1', s2: 'fd00:10::2', lan2: 'fd00:172:2::/64' };
const HOSTS4 = ['172.16.1.10', '172.16.2.10'] as const;
const HOSTS6 = ['fd00:172:1::10', 'fd00:172:2::10'] as const;

const inLab6 = (tell: (lab: Lab) => Promise<void>): Promise<void> => inLab(tell, { v6: true });

describe.each(['gre', 'gre-udp'] as const)('IPv6 NBMA, carrier %s', (carrier) => {
  it.each([
    ['IPv4', false, V4, HOSTS4],
    ['IPv6', true, V6, HOSTS6],
  ] as const)('our hub and spokes with an %s overlay', (family, v6, at, between) =>
    inLab6(async (lab) => {
      const roles = ['hub', 's1', 's2'] as const;
      await lab.host(...roles);
      const capture = await lab.capture(...roles);
      const log = story(`${family} over ${carrier} over IPv6: our hub and our spokes`);
      const settings = { v6, underlay6: true, tunnel: { carrier } };
      const hub = await ourHub(lab, 'hub', settings);
      const s1 = await ourSpoke(lab, 's1', settings);
      const s2 = await ourSpoke(lab, 's2', settings);
      for (const [spoke, address] of [
        [s1, at.s1],
        [s2, at.s2],
      ] as const) {
        await spoke.saw('registered', { nhs: at.hub, behindNat: null });
        await hub.saw('spoke-registered', { protocolAddress: address });
      }
      expect(await hub.entries()).toContainEqual(
        expect.objectContaining({ kind: 'dynamic', nbma: nbma6Of('s1') }),
      );
      log.say('both spokes registered');

      expect((await ping(s1.lanShell, between[1], 5)).received).toBe(5);
      await s1.saw('redirect-received');
      await s1.saw('shortcut-set', { prefix: at.lan2, via: at.s2 });
      await until('the way back', async () => s2.all('shortcut-set').length > 0);
      const since = Date.now();
      expect((await ping(s1.lanShell, between[1], 5)).received).toBe(5);
      const outer = [nbma6Of('s1'), nbma6Of('s2')] as const;
      const frames = await expectDirect(capture, { spokes: ['s1', 's2'], outer, between, since });
      log.say(`${frames} frames of the flow direct, none at the hub`);

      await s1.stop();
      const carried = carrier === 'gre' ? 'ipv6.nxt==47' : 'ipv6 && udp.dstport==4754';
      for (const type of [1, 2, 3, 4, 5, 6, 8]) {
        const seen = await capture.frames('s1', `${carried} && nhrp.hdr.op.type==${type}`);
        expect(seen.length, `NHRP type ${type} on the leg of s1`).toBeGreaterThan(0);
      }
      expect(await capture.nhrp('s1', NHRP.errorIndication)).toEqual([]);
      for (const role of roles) expect(await capture.faults(role)).toEqual([]);
      log.say('tshark reads all NHRP as it should be');
    }),
  );
});

/** How a Linux tunnel sends: with the option of RFC 2473 §4.1.1 in a header between, unless it is told not to. */
describe.each(['none', '4'])('ip6gre of Linux, encapsulation limit %s', (limit) => {
  it('and our node reach each other', () =>
    inLab6(async (lab) => {
      await lab.host('hub');
      const { s1 } = await lab.boot('bookworm', 's1');
      const capture = await lab.capture('s1');
      const log = story(`our node beside ip6gre of Linux ${(await s1.run('uname -r')).trim()}`);
      await s1.run(`modprobe ip6_gre
ip link add gre1 type ip6gre local ${nbma6Of('s1')} remote ${nbma6Of('hub')} key 42 encaplimit ${limit} ttl 64
ip link set gre1 mtu 1400 up
ip addr add 10.0.0.1/32 dev gre1; ip route add 10.0.0.0/24 dev gre1
ip route add 172.16.0.0/24 via 10.0.0.100 dev gre1 onlink`);
      const maps = [{ prefix: '10.0.0.1/32', nbma: nbma6Of('s1') }];
      const node = await ourHub(lab, 'hub', { underlay6: true, tunnel: { maps } });
      expect((await pingWhenRouted(node.shell, '10.0.0.1')).received).toBe(3);
      expect((await pingWhenRouted(shellOf(s1), '172.16.0.10')).received).toBe(3);
      expect((await ping(node.shell, '10.0.0.1', 3, '-s 1372 -M do')).received).toBe(3);
      const options = await capture.frames('s1', `ipv6.src==${nbma6Of('s1')} && ipv6.dstopts`);
      expect(options.length > 0).toBe(limit !== 'none');
      expect(await capture.faults('s1')).toEqual([]);
      const { 'no-multicast-target': _, ...drops } = await node.drops(); // the kernels look for routers
      expect(drops).toEqual({});
      log.say('pings answered both ways, the largest that fits among them');
    }));
});
