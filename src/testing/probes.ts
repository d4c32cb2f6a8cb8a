/** Ping and traceroute in virtual time: they let the clock run until the answers are in. */
import type { IpAddress } from '../wire/address.js';
import type { Agenda } from './agenda.js';
import type { IpStack, ProbeAnswer } from './stack.js';

export interface PingOptions {
  /** Echo requests; 1. */
  readonly count?: number;
  /** Milliseconds between them; 1,000. */
  readonly everyMs?: number;
  /** How long each is waited for; 1,000. */
  readonly timeoutMs?: number;
  /** Octets of data; 32. */
  readonly octets?: number;
  /** 64. */
  readonly ttl?: number;
  /** One of the sender's addresses; the first of the family when not given. */
  readonly source?: string;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** Of each answer, in the order in which they came. */
  readonly rttsMs: readonly number[];
  /** What came instead of answers. */
  readonly errors: readonly { readonly kind: ProbeAnswer['kind']; readonly from: string }[];
}

/** One line of a traceroute: who answered, or null. */
export interface Hop {
  readonly ttl: number;
  readonly from: string | null;
  readonly kind: ProbeAnswer['kind'] | 'timeout';
  readonly rttMs: number;
}

const TIMEOUT_MS = 1_000;
const MAX_HOPS = 30;

/** A sender and the clock that it lives by. */
export interface Prober {
  readonly agenda: Agenda;
  readonly stack: IpStack;
}

export function ping(
  { agenda, stack }: Prober,
  ip: { source: IpAddress; destination: IpAddress },
  options: PingOptions,
): PingResult {
  const { count = 1, everyMs = 1_000, timeoutMs = TIMEOUT_MS, ttl, octets } = options;
  const rttsMs: number[] = [];
  const errors: { kind: ProbeAnswer['kind']; from: string }[] = [];
  let open = count;
  const send = (): void => {
    const sentAt = agenda.now;
    let isOpen = true;
    const close = (answer: ProbeAnswer | null): void => {
      if (!isOpen) return;
      isOpen = false;
      open--;
      if (answer?.kind === 'reply') rttsMs.push(agenda.now - sentAt);
      else if (answer !== null) errors.push({ kind: answer.kind, from: String(answer.from) });
    };
    const forget = stack.probe(ip, withGiven({ ttl, octets }), close);
    agenda.after(timeoutMs, () => {
      forget();
      close(null);
    });
  };
  for (let i = 0; i < count; i++) agenda.after(i * everyMs, send);
  agenda.runUntil(agenda.now + (count - 1) * everyMs + timeoutMs, () => open === 0);
  return { sent: count, received: rttsMs.length, rttsMs, errors };
}

export function traceroute(
  { agenda, stack }: Prober,
  ip: { source: IpAddress; destination: IpAddress },
): Hop[] {
  const hops: Hop[] = [];
  for (let ttl = 1; ttl <= MAX_HOPS; ttl++) {
    const sentAt = agenda.now;
    const got: { answer: ProbeAnswer | null } = { answer: null };
    const forget = stack.probe(ip, { ttl }, (answer) => {
      got.answer = answer;
    });
    agenda.runUntil(sentAt + TIMEOUT_MS, () => got.answer !== null);
    forget();
    const { answer } = got;
    const rttMs = agenda.now - sentAt;
    const from = answer === null ? null : String(answer.from);
    hops.push({ ttl, from, kind: answer?.kind ?? 'timeout', rttMs });
    if (answer !== null && answer.kind !== 'time-exceeded') break;
  }
  return hops;
}

const withGiven = (o: { ttl: number | undefined; octets: number | undefined }) => ({
  ...(o.ttl === undefined ? {} : { ttl: o.ttl }),
  ...(o.octets === undefined ? {} : { octets: o.octets }),
});
