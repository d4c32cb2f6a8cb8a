/** What to do with extensions that this engine does not know: RFC 2332 §5.3. */
import type { Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';

const KNOWN: ReadonlySet<number> = new Set([
  ExtensionType.RESPONDER_ADDRESS,
  ExtensionType.FORWARD_TRANSIT_RECORD,
  ExtensionType.REVERSE_TRANSIT_RECORD,
  ExtensionType.AUTHENTICATION,
  ExtensionType.VENDOR,
  ExtensionType.NAT_ADDRESS,
]);

const isUnknownCompulsory = (e: Extension): boolean => e.compulsory && !KNOWN.has(e.type);

/** An end station refuses such a message with error 1; a transit server passes it on and takes no part. */
export const hasUnknownCompulsory = (message: NhrpMessage): boolean =>
  message.extensions?.some(isUnknownCompulsory) ?? false;

/** The extensions of a reply: those of the request in its order, unknown ones unchanged, vendor ones not (§5.3.5). */
export const replyExtensions = (message: NhrpMessage): readonly Extension[] | null =>
  message.extensions?.filter((e) => e.kind !== 'vendor') ?? null;
