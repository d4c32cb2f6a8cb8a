/** What some tests need from the machine: how to find out whether it is there, and how to get it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export type Need = 'tshark' | 'root' | 'shared-captures' | 'shared-vectors' | 'process-memory';

interface Requirement {
  readonly remedy: string;
  readonly present: () => boolean;
}

const succeeds = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const REQUIREMENTS: Readonly<Record<Need, Requirement>> = {
  tshark: {
    remedy: 'apt-get install tshark',
    present: () => succeeds('tshark', '--version'),
  },
  root: {
    remedy: 'run as root with iproute2, network namespaces and /dev/net/tun',
    present: () =>
      process.getuid?.() === 0 &&
      existsSync('/dev/net/tun') &&
      succeeds('unshare', '--net', 'ip', 'link', 'show', 'lo'),
  },
  'process-memory': {
    remedy: 'run on Linux, where /proc/PID/mem of a child may be read',
    present: () => existsSync('/proc/self/mem'),
  },
  'shared-captures': {
    remedy: 'recordings in ../shared/captures',
    present: () => existsSync('../shared/captures'),
  },
  'shared-vectors': {
    remedy: 'third-party vectors in ../shared/vectors',
    present: () => existsSync('../shared/vectors'),
  },
};

const found = new Map<Need, boolean>();

export function isPresent(need: Need): boolean {
  const known = found.get(need);
  if (known !== undefined) return known;
  const present = REQUIREMENTS[need].present();
  found.set(need, present);
  return present;
}

/** Named in the environment as in `DMVPN_REQUIRE=tshark,root`: to be without it is a failure, not a skip. */
export const isRequired = (need: Need): boolean =>
  (process.env.DMVPN_REQUIRE ?? '').split(',').includes(need);

/** The suffix of a skipped group's title, which the reporter reads back with {@link reasonsIn}. */
export const reasonFor = (missing: readonly Need[]): string =>
  missing.map((need) => `[needs ${need}: ${REQUIREMENTS[need].remedy}]`).join(' ');

export const reasonsIn = (title: string): string[] =>
  [...title.matchAll(/\[needs ([^:\]]+): ([^\]]+)\]/g)].map(
    ([, need, remedy]) => `${need} (${remedy})`,
  );
