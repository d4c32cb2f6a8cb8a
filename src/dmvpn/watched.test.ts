import { describe, expect, it } from 'vitest';
import { parseAddress } from '../wire/address.js';
import type { Endpoint, Path } from '../wire/path.js';
import type { Frame } from './frame.js';
import type { InsidePacket } from './output.js';
import type { Protection, Unopened } from './protection.js';
import { Watched } from './watched.js';

const endpoint = (text: string): Endpoint => {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(text);
  return { address, port: 4500 };
};
const [NEAR, FAR, MOVED] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(endpoint) as [
  Endpoint,
  Endpoint,
  Endpoint,
];
const PATH: Path = { carrier: 'ike-natt', local: NEAR, remote: FAR };
const GRE = Uint8Array.of(0x20, 0, 8, 0, 0, 0, 0, 42);
const frame = (): Frame => ({ slab: Buffer.from([9, ...GRE, 9]), at: 1, octets: GRE.length });

/** Seals and opens by turning every bit over, in place. */
function turning(path: Path | null, opened: Endpoint | Unopened): Protection {
  const turn = ({ slab, at, octets }: Frame) => {
    for (let i = at; i < at + octets; i++) slab[i] = ~(slab[i] ?? 0);
  };
  return {
    overheadOctets: 77,
    want() {},
    release() {},
    protect: (_now, sealed) => {
      if (path !== null) turn(sealed);
      return path;
    },
    open: (_now, _path, sealed) => {
      turn(sealed);
      return opened;
    },
    moveLocal() {},
    handleTimeout() {},
    shutdown() {},
    pollOutput: () => ({ kind: 'timeout', at: 5, why: 'test' }),
  };
}

function watched(path: Path | null, opened: Endpoint | Unopened = 'not-mine') {
  const seen: InsidePacket[] = [];
  const protection = new Watched(turning(path, opened), NEAR, (packet) => void seen.push(packet));
  return { seen, protection };
}

describe('a watched protection', () => {
  it('shows a packet as it was before it was sealed', () => {
    const { seen, protection } = watched(PATH);
    const sent = frame();
    expect(protection.protect(0, sent, FAR)).toBe(PATH);
    expect(sent.slab[1]).toBe(0xdf);
    expect(seen).toEqual([{ direction: 'sent', from: NEAR, to: FAR, gre: GRE }]);
  });

  it('shows a packet as it is when it has been opened', () => {
    const { seen, protection } = watched(null, FAR);
    const received = frame();
    received.slab.fill(0xff);
    expect(protection.open(0, PATH, received)).toBe(FAR);
    received.slab.fill(0xa5); // what was shown is a copy
    expect(seen).toEqual([{ direction: 'received', from: FAR, to: NEAR, gre: new Uint8Array(8) }]);
  });

  it('shows nothing that could not be sealed or opened', () => {
    const { seen, protection } = watched(null, 'refused');
    expect(protection.protect(0, frame(), FAR)).toBeNull();
    expect(protection.open(0, PATH, frame())).toBe('refused');
    expect(seen).toEqual([]);
  });

  it('is in all else the one that it watches, and follows its address', () => {
    const { seen, protection } = watched(PATH);
    expect(protection.overheadOctets).toBe(77);
    expect(protection.pollOutput()).toEqual({ kind: 'timeout', at: 5, why: 'test' });
    protection.moveLocal(0, MOVED);
    protection.protect(0, frame(), FAR);
    expect(seen[0]?.from).toBe(MOVED);
  });
});
