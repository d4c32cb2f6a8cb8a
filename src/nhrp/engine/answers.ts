/** Answers of the caller, checked where they come in: a wrong one is refused by name, and its question stays open. */
import { IpAddress } from '../../wire/address.js';
import type { Answer } from './api.js';

const KEYS = {
  addresses: ['kind', 'addresses'],
  accept: ['kind', 'holdingTimeSeconds'],
  reject: ['kind'],
} as const;
const MAX_HOLDING_SECONDS = 0xffff; // RFC 2332 §5.2.0.1

/** @throws TypeError or RangeError that begins with the name of the offending value: `answer.holdingTimeSeconds`. */
export function readAnswer(answer: unknown): Answer {
  if (typeof answer !== 'object' || answer === null)
    throw new TypeError('answer: an object expected');
  const given = answer as { readonly [key in 'addresses' | 'holdingTimeSeconds']?: unknown };
  const kind = kindOf(answer);
  for (const key of Object.keys(answer))
    if (!(KEYS[kind] as readonly string[]).includes(key))
      throw new TypeError(`answer.${key}: there is no such option where the kind is '${kind}'`);
  if (kind === 'addresses') return { kind, addresses: addressesOf(given.addresses) };
  if (kind === 'reject') return { kind };
  const holdingTimeSeconds = given.holdingTimeSeconds ?? null;
  return holdingTimeSeconds === null
    ? { kind }
    : { kind, holdingTimeSeconds: holdingTimeOf(holdingTimeSeconds) };
}

function kindOf(answer: object): Answer['kind'] {
  const { kind } = answer as { readonly kind?: unknown };
  if (kind === 'addresses' || kind === 'accept' || kind === 'reject') return kind;
  throw new TypeError(`answer.kind: 'addresses' or 'accept' or 'reject' expected`);
}

function holdingTimeOf(value: unknown): number {
  const path = 'answer.holdingTimeSeconds';
  if (typeof value !== 'number')
    throw new TypeError(`${path}: a number expected, got a ${typeof value}`);
  if (!Number.isInteger(value) || value < 1 || value > MAX_HOLDING_SECONDS)
    throw new RangeError(
      `${path}: a whole number from 1 to ${MAX_HOLDING_SECONDS} expected, got ${value}`,
    );
  return value;
}

function addressesOf(value: unknown): readonly IpAddress[] {
  if (!Array.isArray(value)) throw new TypeError('answer.addresses: a list expected');
  return Array.from(value, (one: unknown, i) => {
    if (one instanceof IpAddress) return one;
    const hint = typeof one === 'string' ? ': parseAddress makes one of a text' : '';
    throw new TypeError(`answer.addresses[${i}]: an IpAddress expected${hint}`);
  });
}
