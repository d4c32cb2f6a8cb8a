/** What NHRP does when the configuration says nothing, and which values it may not say: facts A.9 and F. */
import { describe, expect, it } from 'vitest';
import type { TunnelConfig } from './config.js';
import { readConfig } from './settings.js';
import { spokeTunnel } from './virtual-lab.js';

const engineOf = (over: Partial<TunnelConfig> = {}) =>
  readConfig({ tunnels: [spokeTunnel(1, over)] }).tunnels[0]?.engine;

describe('NHRP without options', () => {
  it('holds for 7,200 s, registers at a third of that, unique, and asks after the first packet', () => {
    const { holdingTimeSeconds: _, ...bare } = spokeTunnel(1);
    const [tunnel] = readConfig({ tunnels: [bare] }).tunnels;
    expect(tunnel?.engine).toMatchObject({
      ...{ holdingTimeSeconds: 7_200, registrationIntervalSeconds: null, unique: true },
      ...{ useCount: 1, mtu: 1_400, hopCount: 255, takeover: 'refuse' },
      ...{ answerFromRegistrations: false, authorize: false, authenticationFailure: 'error' },
      ...{ ciscoPurgeId: false, lenientOddChecksum: false, group: null },
    });
    expect(tunnel?.engine.limits).toMatchObject({ maxRedirectPairs: 4_096, maxSend: null });
  });

  it.each([
    ['hopCount', 0],
    ['hopCount', 256],
    ['holdingTimeSeconds', 0],
    ['holdingTimeSeconds', 65_536],
    ['registrationIntervalSeconds', 0],
    ['useCount', 0],
  ])('%s may not be %i', (name, value) => {
    expect(() => engineOf({ [name]: value })).toThrow(`tunnels[0].${name}`);
  });

  it('has servers of priority 0 to 255 in clusters 0 to 10', () => {
    const nhs = (over: object) => [{ address: '10.0.0.100', nbma: '192.168.0.2', ...over }];
    expect(engineOf({ nhs: nhs({}) })?.nhs).toMatchObject([{ priority: 0, cluster: 0 }]);
    expect(() => engineOf({ nhs: nhs({ priority: 256 }) })).toThrow('tunnels[0].nhs[0].priority');
    expect(() => engineOf({ nhs: nhs({ cluster: 11 }) })).toThrow('tunnels[0].nhs[0].cluster');
  });
});
