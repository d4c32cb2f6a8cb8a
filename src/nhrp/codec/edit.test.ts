import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import { nhrpMessage } from '../../testing/arbitraries/index.js';
import { unwrap } from '../../wire/result.js';
import { ciscoAuthentication } from './authentication.js';
import type { Cie } from './cie.js';
import {
  extensionCies,
  extensionOf,
  forwarded,
  withExtension,
  withExtensionCie,
  withoutExtension,
} from './edit.js';
import { decodeMessage, messageBytes } from './message.js';
import { ExtensionType } from './numbers.js';

const request = unwrap(decodeMessage(RECORDED.registrationRequest));
const types = (m: typeof request): number[] => m.extensions?.map((e) => e.type) ?? [];
const PASSWORD = ciscoAuthentication(Uint8Array.of(1, 2, 3));

describe('editing', () => {
  it('finds an extension and its CIEs', () => {
    expect(extensionOf(request, ExtensionType.AUTHENTICATION)?.kind).toBe('authentication');
    expect(extensionOf(request, ExtensionType.VENDOR)).toBeNull();
    expect(extensionCies(request, ExtensionType.NAT_ADDRESS)).toHaveLength(1);
    expect(extensionCies(request, ExtensionType.AUTHENTICATION)).toBeNull();
  });

  it('replaces an extension where it stands, or adds one behind all others', () => {
    expect(types(withExtension(request, PASSWORD))).toEqual([4, 5, 3, 9, 7]);
    const without = withoutExtension(request, ExtensionType.AUTHENTICATION);
    expect(types(without)).toEqual([4, 5, 3, 9]);
    expect(types(withExtension(without, PASSWORD))).toEqual([4, 5, 3, 9, 7]);
  });

  it('adds a CIE to a list that is there, and no list', () => {
    const cie = extensionCies(request, ExtensionType.NAT_ADDRESS)?.[0] as Cie;
    const more = withExtensionCie(request, ExtensionType.FORWARD_TRANSIT_RECORD, cie);
    expect(extensionCies(more, ExtensionType.FORWARD_TRANSIT_RECORD)).toEqual([cie]);
    expect(types(more)).toEqual(types(request));
    expect(withExtensionCie(request, ExtensionType.VENDOR, cie)).toBe(request);
  });

  it('keeps everything else of any message, octet for octet, and gives one that decodes', () => {
    fc.assert(
      fc.property(
        nhrpMessage().filter((m) => m.hopCount > 0),
        (message) => {
          const before = messageBytes(message);
          const after = messageBytes(forwarded(message));
          expect(after[9]).toBe(message.hopCount - 1);
          after.set(before.subarray(9, 10), 9);
          after.set(before.subarray(12, 14), 12);
          expect(after).toEqual(before);
          const added = withExtension(message, PASSWORD);
          expect(unwrap(decodeMessage(messageBytes(added)))).toEqual(added);
        },
      ),
      { numRuns: 100 },
    );
  });
});
