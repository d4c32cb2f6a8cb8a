/** What an operator may want to know and no machine acts on. Secrets appear in `keys-exported` only, on request. */

import type { Endpoint, Path } from '../../../wire/path.js';
import type { WireError } from '../../../wire/result.js';
import type { Identity } from './identity.js';

export type IkeNotice =
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'established'; readonly peer: Endpoint; readonly identity: Identity }
  | { readonly kind: 'closed'; readonly peer: Endpoint; readonly why: string }
  /** A datagram that was refused; bounded by how often notices are drained. */
  | { readonly kind: 'dropped'; readonly path: Path; readonly error: WireError | null }
  /** DEBUGGING ONLY (`exportKeys`): a line of Wireshark's `ikev2_decryption_table` or `esp_sa`. */
  | {
      readonly kind: 'keys-exported';
      readonly table: 'ikev2_decryption_table' | 'esp_sa';
      readonly line: string;
    };
