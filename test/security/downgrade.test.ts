/** What a peer may be talked into: reliability S11. The defaults hold nothing weak, and who changes an offer is found out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeIkeMessage, messageBytes } from '../../src/ipsec/ike/message.js';
import { EXCHANGE, PAYLOAD } from '../../src/ipsec/ike/numbers.js';
import type { IkePayload } from '../../src/ipsec/ike/payload.js';
import type { Proposal } from '../../src/ipsec/ike/proposal.js';
import { DEFAULT_ESP_PROPOSALS, DEFAULT_IKE_PROPOSALS } from '../../src/ipsec/ike/v2/proposals.js';
import { DH_GROUPS, ENCRYPTION, INTEGRITY, PRF } from '../../src/ipsec/suites.js';
import { Network, seeded, usablePairs } from '../ike/pair.js';

describe('the defaults', () => {
  const own = [...DEFAULT_IKE_PROPOSALS, ...DEFAULT_ESP_PROPOSALS];
  const parts = (key: 'encryption' | 'integrity' | 'prf' | 'groups'): unknown[] =>
    own.flatMap((p) => [...((p as unknown as Record<string, unknown[]>)[key] ?? [])]);

  it('offer nothing that the table calls insecure', () => {
    for (const name of parts('encryption')) expect(ENCRYPTION[name as 'null'].insecure).toBe(false);
    for (const name of parts('integrity'))
      expect(INTEGRITY[name as 'hmac-md5-96'].insecure).toBe(false);
    for (const name of parts('prf')) expect(PRF[name as 'hmac-md5'].insecure).toBe(false);
    for (const group of parts('groups'))
      if (group !== 'none') expect(DH_GROUPS[group as 2].insecure).toBe(false);
  });

  it('offer none of these, and the table calls insecure what it has of them', () => {
    const weak = ['3des-cbc', 'null', 'hmac-md5-96', 'hmac-md5', 'hmac-sha1', 'hmac-sha1-96'];
    const weakGroups = [1, 2, 5, 22, 23, 24];
    const offered = [...parts('encryption'), ...parts('integrity'), ...parts('prf')];
    expect(offered.filter((name) => weak.includes(String(name)))).toEqual([]);
    expect(parts('groups').filter((group) => weakGroups.includes(Number(group)))).toEqual([]);
    expect(
      [ENCRYPTION['3des-cbc'], ENCRYPTION.null, INTEGRITY['hmac-md5-96'], PRF['hmac-md5']].every(
        ({ insecure }) => insecure,
      ),
    ).toBe(true);
    const known = Object.entries(DH_GROUPS).filter(([n]) => weakGroups.includes(Number(n)));
    expect(known.filter(([, group]) => !group.insecure)).toEqual([]);
  });
});

type Edit = (payloads: readonly IkePayload[]) => readonly IkePayload[] | null;

/** Two honest machines, and somebody between them who changes IKE_SA_INIT; the edit gives null where it has nothing to do. */
function between(edit: Edit, ofRequests: boolean, seed = 1) {
  const net = new Network(seeded(seed));
  const a = net.add('a', '192.0.2.1');
  const b = net.add('b', '192.0.2.2');
  let edits = 0;
  const tamper = (_from: unknown, _path: unknown, bytes: Uint8Array): Uint8Array => {
    const message = decodeIkeMessage(bytes);
    if (!message.ok || message.value.header.exchangeType !== EXCHANGE.IKE_SA_INIT) return bytes;
    const { header, payloads } = message.value;
    const isRequest = (header.flags & 0x20) === 0;
    const changed = isRequest === ofRequests ? edit(payloads) : null;
    if (changed === null) return bytes;
    const written = messageBytes(header, changed);
    if (Buffer.compare(written, bytes) !== 0) edits++;
    return written;
  };
  net.options = { ...net.options, tamper };
  a.want(0, b);
  net.run(25_000);
  return { a, b, edits };
}

/** Who was lied to has made nothing; a responder that was not has proof of its peer, and makes its half in vain. */
function expectRefused({ a, b, edits }: ReturnType<typeof between>, deceived = [a, b]): void {
  expect(edits).toBeGreaterThan(0);
  expect(usablePairs(a, b)).toBe(0);
  expect(deceived.map(({ installed }) => installed.size)).toEqual(deceived.map(() => 0));
  const failures = [...a.failures(), ...b.notices.map((n) => ('why' in n ? n.why : n.kind))];
  expect(failures.length).toBeGreaterThan(0);
}

const withProposals =
  (change: (proposals: readonly Proposal[]) => readonly Proposal[]): Edit =>
  (payloads) =>
    payloads.map((p) =>
      p.kind === 'sa' ? { ...p, proposals: [...change(p.proposals)] } : p,
    ) as IkePayload[];

/** Only what `keeps` says, in every proposal. */
const strip = (keeps: (type: number, id: number) => boolean): Edit =>
  withProposals((proposals) =>
    proposals.map((p) => ({ ...p, transforms: p.transforms.filter((t) => keeps(t.type, t.id)) })),
  );

describe('somebody on the way', () => {
  it('is not there: the two agree', () => {
    const { a, b } = between(() => null, true);
    expect(usablePairs(a, b)).toBe(1);
  });

  it.each<[string, Edit]>([
    ['the strongest proposal', withProposals((all) => all.slice(1))],
    ['AES-256-GCM', strip((type, id) => !(type === 1 && id === 20))],
    ['X25519', strip((type, id) => !(type === 4 && id === 31))],
    ['every group but 2048 bits of MODP', strip((type, id) => type !== 4 || id === 14)],
    ['the stronger PRFs', strip((type, id) => type !== 2 || id === 5)],
    [
      'the NAT detection hashes',
      (payloads) =>
        payloads.filter(
          (p) => p.kind !== 'notify' || p.notifyType < 16_388 || p.notifyType > 16_389,
        ),
    ],
    [
      'the offer of fragments',
      (payloads) => payloads.filter((p) => p.kind !== 'notify' || p.notifyType !== 16_430),
    ],
    [
      'nothing, and adds a vendor id',
      (payloads) => [
        ...payloads,
        { kind: 'other', type: PAYLOAD.VENDOR_ID, flags: 0, data: Uint8Array.of(1) },
      ],
    ],
  ])('who takes away %s is found out by AUTH', (_, edit) => {
    expectRefused(between(edit, true));
  });

  it('who changes the answer is found out', () => {
    const other = withProposals((proposals) =>
      proposals.map((p) => ({
        ...p,
        transforms: p.transforms.map((t) => (t.type === 2 ? { ...t, id: 7 } : t)),
      })),
    );
    const noNotices: Edit = (payloads) => payloads.filter((p) => p.kind !== 'notify');
    for (const edit of [other, noNotices]) {
      const run = between(edit, false);
      expectRefused(run, [run.a]);
    }
  });

  it('who takes away whatever he likes is found out, each time', () => {
    let runs = 0;
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        fc.nat(),
        (keep, seed) => {
          let at = 0;
          const run = between(
            withProposals((proposals) => {
              at = 0; // the same in every repetition
              return proposals.map((p) => {
                const transforms = p.transforms.filter(() => keep[at++ % keep.length]);
                return { ...p, transforms };
              });
            }),
            true,
            seed,
          );
          if (run.edits === 0) return;
          runs++;
          expectRefused(run);
        },
      ),
      { numRuns: 60 },
    );
    expect(runs).toBeGreaterThan(50);
  }, 60_000);
});
