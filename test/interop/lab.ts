/**
 * One laboratory: an NBMA internet in a network namespace, with guests (real FRR, real kernels) and host roles
 * (our own nodes) on its legs. Every lab has its own namespaces and folder, so that any number run side by side;
 * it is taken down when it is closed, or when this process ends in whatever way.
 */
import { cpSync, writeFileSync } from 'node:fs';
import { Capture } from './capture.js';
import { Guest, type Release } from './guest.js';
import { attempt, execute, type Finished } from './process.js';
import type { Role } from './roles.js';

const SCRIPT = `${import.meta.dirname}/lab/lab.sh`;
const RUN = '/run/dmvpn-interop';
/** A folder that gets the recordings of every lab, and the last state of its guests. */
const KEEP = process.env.DMVPN_INTEROP_KEEP;
const STATE = `ip addr; ip route; ip neigh; ip -s tunnel; swanctl --list-sas 2>&1
vtysh -c 'show running-config' -c 'show ip nhrp cache' -c 'show ip nhrp shortcut' -c 'show dmvpn'; cat /var/log/frr/frr.log`;

let labCount = 0;

/** What lab.sh reads. */
interface ScriptEnvironment extends NodeJS.ProcessEnv {
  readonly NL_PREFIX: string;
  readonly NL_RUN: string;
  readonly NL_OWNER: string;
  /** Set: an IPv6 internet too. */
  NL_V6?: string;
  NL_MEM?: string;
}

/** A lab's name is the process that made it and a number. */
const environmentOf = (name: string): ScriptEnvironment => ({
  NL_PREFIX: `dmi${name}`,
  NL_RUN: `${RUN}/${name}`,
  NL_OWNER: String(process.pid),
});

export class Lab {
  readonly #env: ScriptEnvironment;
  readonly #guests = new Map<Role, Guest>();
  readonly #closers: (() => Promise<void>)[] = [];

  private constructor(name: string) {
    this.#env = environmentOf(name);
  }

  /** An empty internet; with `v6` one of both families. */
  static async open({ v6 = false }: { readonly v6?: boolean } = {}): Promise<Lab> {
    const lab = new Lab(`${process.pid}-${labCount++}`);
    if (v6) lab.#env.NL_V6 = '1';
    await lab.#script('net');
    return lab;
  }

  /** Boots guests of one Debian release, all at once. A guest that was killed comes back the same way. */
  async boot<R extends Role>(release: Release, ...roles: R[]): Promise<Record<R, Guest>> {
    await this.#script('boot', release, ...roles);
    for (const role of roles)
      this.#guests.set(role, new Guest(role, release, `${this.#env.NL_RUN}/${role}`));
    return Object.fromEntries(this.#guests) as Record<R, Guest>;
  }

  /** Boots bookworm guests with memory for Node, which finds this machine's files as they are. */
  async bootForNode<R extends Role>(...roles: R[]): Promise<Record<R, Guest>> {
    this.#env.NL_MEM = '512M';
    const guests = await this.boot('bookworm', ...roles);
    delete this.#env.NL_MEM;
    return guests;
  }

  /** Pulls a guest's plug. */
  async kill(role: Role): Promise<void> {
    this.#guests.delete(role);
    await this.#script('kill', role);
  }

  /** Makes roles namespaces of this machine, each with a LAN of one host behind it. */
  async host(...roles: Role[]): Promise<void> {
    for (const role of roles) {
      await this.#script('hostns', role);
      await this.#script('hostlan', role);
    }
  }

  /** Puts roles behind one NAT; before `boot` and `host`. */
  async nat(...roles: Role[]): Promise<void> {
    await this.#script('nat', ...roles);
  }

  /** Records from now on what passes on the legs of these roles. */
  async capture(...roles: Role[]): Promise<Capture> {
    for (const role of roles) await this.#script('cap', 'start', role);
    return new Capture(`${this.#env.NL_RUN}/cap`);
  }

  /** The network namespace of a host role, of the host in its LAN, or of the internet. */
  namespaceOf(place: Role | `${Role}-lan` | 'core' | 'nat'): string {
    return `${this.#env.NL_PREFIX}-${place}`;
  }

  /** Runs a program in a namespace; its exit status is the caller's to judge. */
  attemptIn(place: Role | `${Role}-lan` | 'core' | 'nat', ...command: string[]): Promise<Finished> {
    return attempt('ip', ['netns', 'exec', this.namespaceOf(place), ...command]);
  }

  runIn(place: Role | `${Role}-lan` | 'core' | 'nat', ...command: string[]): Promise<string> {
    return execute('ip', ['netns', 'exec', this.namespaceOf(place), ...command]);
  }

  /** To be called before the lab goes: children that run in it. */
  onClose(closer: () => Promise<void>): void {
    this.#closers.push(closer);
  }

  /** Takes everything down. Harmless when repeated. */
  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0)) await closer().catch(() => {});
    if (KEEP !== undefined) await this.#keep(`${KEEP}/${this.#env.NL_PREFIX}`);
    await this.#script('down');
  }

  /** The recordings, and of each guest what its kernel and FRR have to say. */
  async #keep(folder: string): Promise<void> {
    cpSync(`${this.#env.NL_RUN}/cap`, folder, { recursive: true });
    for (const guest of this.#guests.values()) {
      const { text } = await guest.attempt(STATE, 20).catch((error) => ({ text: String(error) }));
      writeFileSync(`${folder}/${guest.role}.txt`, text);
    }
  }

  #script(...args: string[]): Promise<string> {
    return execute(SCRIPT, args, this.#env);
  }
}

/** Runs a story in a lab of its own, which is gone when the story ends, however it ends. */
export async function inLab(
  tell: (lab: Lab) => Promise<void>,
  options: { readonly v6?: boolean } = {},
): Promise<void> {
  const lab = await Lab.open(options);
  try {
    await tell(lab);
  } finally {
    await lab.close();
  }
}
