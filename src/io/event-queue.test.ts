import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.js';

const queue = (): EventQueue<string> => new EventQueue((count) => `${count} lost`);

async function read(from: EventQueue<string>, count: number): Promise<string[]> {
  const events: string[] = [];
  for await (const event of from) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

describe('a queue of events', () => {
  it('keeps what came before its reader, and lets another reader go on', async () => {
    const events = queue();
    for (const event of ['a', 'b', 'c']) events.push(event);
    expect(await read(events, 2)).toEqual(['a', 'b']);
    const rest = read(events, 3);
    events.push('d');
    events.end();
    expect(await rest).toEqual(['c', 'd']);
  });

  it('drops the oldest when nobody reads, and says how many', async () => {
    const events = queue();
    for (let i = 0; i < 1_030; i++) events.push(String(i));
    events.end();
    const all = await read(events, Number.POSITIVE_INFINITY);
    expect(all.slice(0, 2)).toEqual(['6 lost', '6']);
    expect(all).toHaveLength(1_025);
  });
});
