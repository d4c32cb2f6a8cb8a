/**
 * The door to buffer-layout. A fixed header is declared once as a structure; the packet path reads
 * through constant offsets taken from it at load time, and tests hold the two against each other.
 */
import { blob, type Structure, struct, u8, u16be, u32be } from 'buffer-layout';

/** A declared fixed header: its size, and where each field begins. */
export interface FixedLayout {
  readonly octets: number;
  /** @throws Error at load time when the name is wrong: `bug: …`. */
  offsetOf(field: string): number;
  /** Reads every field by buffer-layout itself; needs a Buffer; for tests and dumps. */
  decode(b: Uint8Array, at?: number): Record<string, unknown>;
}

/** Field widths in octets by name, in wire order: 1, 2 or 4 are numbers, anything else is octets. */
export function fixedLayout(fields: Readonly<Record<string, number>>): FixedLayout {
  const structure = struct(Object.entries(fields).map(([name, octets]) => fieldOf(name, octets)));
  return {
    octets: structure.span,
    offsetOf: (field) => offsetIn(structure, field),
    decode: (b, at = 0) => structure.decode(b, at),
  };
}

function fieldOf(name: string, octets: number): ReturnType<typeof u8> | ReturnType<typeof blob> {
  if (octets === 1) return u8(name);
  if (octets === 2) return u16be(name);
  return octets === 4 ? u32be(name) : blob(octets, name);
}

function offsetIn(structure: Structure, field: string): number {
  const offset = structure.offsetOf(field);
  if (offset === undefined || offset < 0) throw new Error(`bug: no field ${field} in this layout`);
  return offset;
}
