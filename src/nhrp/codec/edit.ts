/**
 * Messages made from other messages. What is not named stays as it came in, octet for octet: order of extensions,
 * unknown ones, reserved bits (RFC 2332 §5.3: a transit server must not reorder).
 */
import type { Cie } from './cie.js';
import type { CieExtension, Extension } from './extension.js';
import type { NhrpMessage } from './message.js';
import { ExtensionType } from './numbers.js';

/** The first extension of that type, or null. */
export const extensionOf = (m: NhrpMessage, type: number): Extension | null =>
  m.extensions?.find((e) => e.type === type) ?? null;

/** The CIEs of the extension of that type; null when it is absent or holds something else. */
export function extensionCies(m: NhrpMessage, type: number): readonly Cie[] | null {
  const found = extensionOf(m, type);
  return found?.kind === 'cies' ? found.cies : null;
}

/** The message with that extension in the place of the first one of its type, or behind all others. */
export function withExtension<M extends NhrpMessage>(m: M, extension: Extension): M {
  const extensions = m.extensions ?? [];
  const found = extensions.findIndex((e) => e.type === extension.type);
  if (found >= 0) return { ...m, extensions: extensions.with(found, extension) };
  const ownEnd = extensions.at(-1)?.type === ExtensionType.END ? 1 : 0; // stays the last
  return { ...m, extensions: extensions.toSpliced(extensions.length - ownEnd, 0, extension) };
}

/** The message without extensions of that type; others keep their order. */
export const withoutExtension = <M extends NhrpMessage>(m: M, type: number): M =>
  m.extensions === null ? m : { ...m, extensions: m.extensions.filter((e) => e.type !== type) };

/** The message with one more CIE at the end of the extension of that type, where the message has one. */
export function withExtensionCie<M extends NhrpMessage>(m: M, type: number, cie: Cie): M {
  const found = extensionOf(m, type);
  if (found?.kind !== 'cies') return m;
  const extended: CieExtension = { ...found, cies: [...found.cies, cie] };
  return withExtension(m, extended);
}

/** The message as the next hop gets it: one hop less. The caller has seen that it had more than one. */
export const forwarded = <M extends NhrpMessage>(m: M): M => ({ ...m, hopCount: m.hopCount - 1 });
