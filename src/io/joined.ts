/** Several transports as one. Each drops what is not for one of its own ends, so that all may be given everything. */
import type { Transport } from './ports.js';

export const joined = (transports: readonly Transport[]): Transport => ({
  send(batch) {
    for (const transport of transports) transport.send(batch);
  },
  listen(listener) {
    for (const transport of transports) transport.listen(listener);
  },
  async close() {
    await Promise.all(transports.map((transport) => transport.close()));
  },
});
