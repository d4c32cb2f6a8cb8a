/** NHRP group name (`ip nhrp group`), carried in Cisco's vendor extension of a registration (facts A.4). */
import type { Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';

const CISCO_OUI = 0x00000c;
/** Sub-type octet before the name: ours to choose, as Cisco's coding of the group is not public. */
const GROUP = 0x01;
const MAX_GROUP_OCTETS = 63;

export function groupExtension(group: string | null): readonly Extension[] {
  if (group === null) return [];
  const name = Uint8Array.from(group, (c) => c.charCodeAt(0)).subarray(0, MAX_GROUP_OCTETS);
  const data = new Uint8Array(1 + name.length);
  data[0] = GROUP;
  data.set(name, 1);
  return [
    {
      kind: 'vendor',
      type: ExtensionType.VENDOR,
      compulsory: false,
      reserved: false,
      oui: CISCO_OUI,
      data,
    },
  ];
}

/** The group that a registration names; null when none does, or its octets are not printable ASCII. */
export function groupOf(message: NhrpMessage): string | null {
  for (const extension of message.extensions ?? []) {
    if (extension.kind !== 'vendor' || extension.oui !== CISCO_OUI || extension.data[0] !== GROUP)
      continue;
    const name = extension.data.subarray(1, 1 + MAX_GROUP_OCTETS);
    if (name.length > 0 && name.every((c) => c > 0x20 && c < 0x7f))
      return String.fromCharCode(...name);
  }
  return null;
}
