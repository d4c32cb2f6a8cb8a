import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.doUnmock('koffi');
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe('raw sockets and TUN devices', () => {
  it('say that koffi is missing', async () => {
    vi.stubGlobal('process', { ...process, platform: 'linux' });
    vi.doMock('koffi', () => {
      throw new Error('Cannot find package');
    });
    const { openRaw } = await import('./raw.js');
    await expect(openRaw([])).rejects.toMatchObject({
      code: 'no-koffi',
      message: 'Raw sockets and TUN devices need the package koffi: npm install koffi.',
    });
  });

  it('say that they are for Linux', async () => {
    vi.stubGlobal('process', { ...process, platform: 'darwin' });
    const { openRaw } = await import('./raw.js');
    await expect(openRaw([])).rejects.toMatchObject({
      code: 'unsupported-platform',
      message: expect.stringMatching(/ for Linux, not darwin: use .*\.$/),
    });
  });
});
