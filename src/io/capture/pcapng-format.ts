/**
 * The pcapng file format: draft-ietf-opsawg-pcapng.
 *   a block: type 4, total length 4, body, total length again 4. A Section Header fixes the byte order and forgets
 *   the interfaces before it; Interface Descriptions number themselves; packets name theirs. Other blocks are passed over.
 */
import { fail, ok, type Result, shifted, type WireError } from '../../wire/result.js';
import {
  type CapturedFrame,
  type CaptureFile,
  type CaptureInterface,
  MAX_FRAME_OCTETS,
} from './capture-file.js';
import { concat } from './pcap-format.js';

const BLOCK = { SECTION: 0x0a0d_0d0a, INTERFACE: 1, PACKET: 2, SIMPLE_PACKET: 3, ENHANCED_PACKET: 6 };
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const VERSION_MAJOR = 1;
const BLOCK_OVERHEAD_OCTETS = 12;
const OPTION = { END: 0, NAME: 2, TIME_RESOLUTION: 9, TIME_OFFSET: 14 };
const NANOSECONDS = 9;
const SECOND_NS = 1_000_000_000n;
/** Interfaces beyond these are refused. */
const MAX_INTERFACES = 4096;

/** A block's body, which ends where `view` does. */
interface Block {
  readonly type: number;
  /** Of its first octet in the file. */
  readonly at: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly little: boolean;
}

/** How an interface counts time. */
interface TimeBase {
  readonly unitsPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

interface Reading {
  readonly interfaces: CaptureInterface[];
  readonly times: TimeBase[];
  readonly frames: CapturedFrame[];
  /** Where the interfaces of the section at hand begin in `interfaces`. */
  firstOfSection: number;
}
