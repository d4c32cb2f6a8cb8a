/**
 * The fixed parts of pcapng blocks: draft-ietf-opsawg-pcapng §3 and §4. Declared once; of the layouts only the offsets
 * and lengths are taken, as the byte order is the section's.
 */
import { type FixedLayout, fixedLayout } from '../../wire/layout.js';

/** What every block begins with; its length stands once more at its end. */
export const BLOCK_HEADER: FixedLayout = fixedLayout({ type: 4, octets: 4 });
export const BLOCK_TYPE: number = BLOCK_HEADER.offsetOf('type');
export const BLOCK_OCTETS: number = BLOCK_HEADER.offsetOf('octets');
/** The length at the end. */
export const TRAILER_OCTETS = 4;

/** The bodies; offsets count from the body's first octet. */
export const SECTION: FixedLayout = fixedLayout({
  byteOrderMagic: 4,
  versionMajor: 2,
  versionMinor: 2,
  sectionOctets: 8,
});
export const BYTE_ORDER: number = SECTION.offsetOf('byteOrderMagic');
export const VERSION: number = SECTION.offsetOf('versionMajor');
export const SECTION_OCTETS: number = SECTION.offsetOf('sectionOctets');

export const INTERFACE: FixedLayout = fixedLayout({ linkType: 2, reserved: 2, snapOctets: 4 });
export const INTERFACE_LINK_TYPE: number = INTERFACE.offsetOf('linkType');
export const INTERFACE_SNAP_OCTETS: number = INTERFACE.offsetOf('snapOctets');

/** Enhanced Packet. The obsolete Packet has an interface of 16 bits, and a drop count behind it. */
export const PACKET: FixedLayout = fixedLayout({
  interfaceId: 4,
  timeHigh: 4,
  timeLow: 4,
  capturedOctets: 4,
  originalOctets: 4,
});
export const PACKET_INTERFACE: number = PACKET.offsetOf('interfaceId');
export const PACKET_TIME_HIGH: number = PACKET.offsetOf('timeHigh');
export const PACKET_TIME_LOW: number = PACKET.offsetOf('timeLow');
export const PACKET_CAPTURED_OCTETS: number = PACKET.offsetOf('capturedOctets');
export const PACKET_ORIGINAL_OCTETS: number = PACKET.offsetOf('originalOctets');

export const SIMPLE_PACKET: FixedLayout = fixedLayout({ originalOctets: 4 });
export const SIMPLE_ORIGINAL_OCTETS: number = SIMPLE_PACKET.offsetOf('originalOctets');

/** Before the value of an option. */
export const OPTION_HEADER: FixedLayout = fixedLayout({ code: 2, octets: 2 });
export const OPTION_CODE: number = OPTION_HEADER.offsetOf('code');
export const OPTION_OCTETS: number = OPTION_HEADER.offsetOf('octets');
