/**
 * ESP on the wire: RFC 4303 §2.
 *   octets 0..4 SPI, 4..8 sequence number (its lower half, if extended);
 *   then IV, payload, padding 1, 2, 3 …, pad length 1, next header 1, ICV.
 */
import { readU32 } from '../../wire/bytes.js';
import { type FixedLayout, fixedLayout } from '../../wire/layout.js';
import { fail, ok, type Result } from '../../wire/result.js';

const ESP_HEADER: FixedLayout = fixedLayout({ spi: 4, sequence: 4 });
export const ESP_HEADER_OCTETS: number = ESP_HEADER.octets;
export const ESP_SEQUENCE: number = ESP_HEADER.offsetOf('sequence');

/** SPIs 1..255 are reserved, 0 never goes on the wire (RFC 4303 §2.1). */
export const MIN_SPI = 256;

export interface EspHeader {
  readonly spi: number;
  /** 0..0xffff_ffff, the lower half of an extended sequence number. */
  readonly sequence: number;
}

/** The part that is never encrypted. Which association opens the rest is found by the SPI. */
export function decodeEspHeader(b: Uint8Array): Result<EspHeader> {
  if (b.length < ESP_HEADER_OCTETS)
    return fail('truncated', 'esp.header', 0, ESP_HEADER_OCTETS, b.length);
  const spi = readU32(b, 0);
  if (spi < MIN_SPI) return fail('bad-value', 'esp.spi', 0, MIN_SPI, spi);
  return ok({ spi, sequence: readU32(b, ESP_SEQUENCE) });
}
