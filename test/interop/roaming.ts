/** A transport on raw GRE that goes to another local address when it is told to, and says so to its node. */
import type { Transport, TransportListener } from 'dmvpn/io/drive';
import { bindsAt, openRaw } from 'dmvpn/io/raw';
import { type IpAddress, parseAddress } from 'dmvpn/wire';

export interface Roaming extends Transport {
  move(to: string): Promise<void>;
}

/** `given` listens at `local`. */
export function roaming(given: Transport, local: IpAddress): Roaming {
  let transport = given;
  let from = local;
  let listener: TransportListener | null = null;
  return {
    send: (batch) => transport.send(batch),
    close: () => transport.close(),
    listen(to) {
      listener = to;
      transport.listen(to);
    },
    async move(text) {
      const to = parseAddress(text);
      if (to === null || listener === null) throw new TypeError(`${text}: an address expected`);
      await transport.close();
      transport = await openRaw(bindsAt(to, ['gre']));
      transport.listen(listener);
      listener.onUnderlay({ kind: 'local-address', from, to });
      from = to;
    },
  };
}
