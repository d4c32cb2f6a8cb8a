/** A User-Mode-Linux guest: commands go into its control folder as files, answers come out as files. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Finished, sleep } from './process.js';
import type { Role } from './roles.js';

/** bookworm: FRR 8.4, strongSwan 5.9; trixie: FRR 10.3, strongSwan 6.0. */
export type Release = 'bookworm' | 'trixie';

export const RELEASES: readonly Release[] = ['bookworm', 'trixie'];

const POLL_MS = 20;
let commandCount = 0;

export class Guest {
  /** `folder`: the guest's control folder. */
  constructor(
    readonly role: Role,
    readonly release: Release,
    private readonly folder: string,
  ) {}

  /** Runs a shell command (the helpers of lab/guest-lib.sh are there) and gives its exit status and output. */
  async attempt(command: string, seconds = 60): Promise<Finished> {
    const name = `${Date.now()}-${commandCount++}`;
    writeFileSync(`${this.folder}/in/${name}.new`, `. /lab/guest-lib.sh\n${command}\n`);
    renameSync(`${this.folder}/in/${name}.new`, `${this.folder}/in/${name}.sh`);
    const until = Date.now() + seconds * 1_000;
    while (!existsSync(`${this.folder}/out/${name}.rc`)) {
      if (Date.now() > until)
        throw new Error(`${this.role} did not finish in ${seconds} s: ${command}`);
      await sleep(POLL_MS);
    }
    const code = Number(readFileSync(`${this.folder}/out/${name}.rc`, 'utf8'));
    return { code, text: readFileSync(`${this.folder}/out/${name}.out`, 'utf8') };
  }

  /** Runs a shell command that must succeed; resolves with its output. */
  async run(command: string, seconds?: number): Promise<string> {
    const { code, text } = await this.attempt(command, seconds);
    if (code !== 0) throw new Error(`${this.role}: ${command}: exit ${code}\n${text}`);
    return text;
  }

  /** The JSON that a command prints. */
  async json<T>(command: string): Promise<T> {
    return JSON.parse(await this.run(command)) as T;
  }
}
