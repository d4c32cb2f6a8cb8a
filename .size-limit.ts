/** How large each entry may become, minified and compressed by brotli, without its dependencies. */
const CEILINGS_KB: Readonly<Record<string, number>> = {
  index: 80,
  'wire/index': 12,
  'nhrp/index': 34,
  'gre/index': 6,
  'ipsec/index': 36,
  'cache/index': 12,
  'dmvpn/index': 80,
  'io/memory': 5,
  'io/udp': 6,
  'io/raw': 8,
  'io/packet': 5,
  'io/tun': 6,
  'io/pcap': 16,
  'io/drive': 4,
  'io/open': 92,
  'io/host': 8,
  'io/fault': 4,
  'io/clock': 1,
  'io/crypto-node': 8,
  'testing/index': 85,
  'testing/arbitraries/index': 25,
};

const DEPENDENCIES = ['buffer-layout', 'ip-num', 'tweetnacl', 'fast-check', 'koffi', 'node:*'];

interface Limit {
  readonly path: string;
  readonly limit: string;
  readonly ignore: readonly string[];
  readonly modifyEsbuildConfig: (config: object) => object;
}

const limits: readonly Limit[] = Object.entries(CEILINGS_KB).map(([name, ceiling]) => ({
  path: `dist/${name}.js`,
  limit: `${ceiling} kB`,
  ignore: DEPENDENCIES,
  // A chunk that is shared for its types only is rightly left out.
  modifyEsbuildConfig: (config: object): object => ({
    ...config,
    logOverride: { 'ignored-bare-import': 'silent' },
  }),
}));

export default limits;
