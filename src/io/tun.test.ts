import { afterEach, describe, expect, it, vi } from 'vitest';
import { runInNamespace } from '../../test/in-namespace.js';
import { needs } from '../../test/require.js';
import { openTun } from './tun.js';

describe('the name of a TUN device', () => {
  it.each(['sixteen-letters-', 'tun-of-the-office-in-the-north', 'fünfzehn-zeichen'.slice(0, 15)])(
    'is refused when the kernel would cut it off: %s',
    async (name) => {
      const message = `name: at most 15 characters expected for a TUN device, got '${name}'`;
      await expect(openTun({ name })).rejects.toThrow(new RangeError(message));
    },
  );

  it.each([
    ['', '""'],
    ['tun%d', '"tun%d"'],
    ['tun\0', '"tun\\u0000"'],
  ])('is refused when the kernel would choose another: %j', async (name, shown) => {
    const message = `name: the name of a TUN device expected, got ${shown}`;
    await expect(openTun({ name })).rejects.toThrow(new RangeError(message));
  });
});

describe('without /dev/net/tun', () => {
  afterEach(() => {
    vi.doUnmock('./libc.js');
    vi.resetModules();
  });

  it.each(['ENOENT', 'ENODEV'] as const)('a sentence says how to get it: %s', async (why) => {
    vi.resetModules();
    const { ERRNO, ...libc } = await vi.importActual<typeof import('./libc.js')>('./libc.js');
    const loadLibc = async () => ({ open: () => -1, errno: () => ERRNO[why] });
    vi.doMock('./libc.js', () => ({ ...libc, ERRNO, loadLibc }));
    const { openTun: open } = await import('./tun.js');
    await expect(open({ name: 'fifteen-letters' })).rejects.toMatchObject({
      code: 'no-such-interface',
      message:
        'There is no /dev/net/tun: load the module (modprobe tun), or use an in-process host.',
    });
  });
});

needs('root')('a TUN device in a network namespace', () => {
  it('joins the kernel to a port, and says what it lacks', async () => {
    const outcomes = await runInNamespace('tun.ts', []);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(13);
  }, 30_000);
});
