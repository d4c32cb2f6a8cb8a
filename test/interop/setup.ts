/** Before the first test: what the lab is made of has to be on this machine. */
import { spawnSync } from 'node:child_process';

export default function setup(): void {
  const { status, stderr, stdout } = spawnSync(`${import.meta.dirname}/prepare.sh`, {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr.trim());
  console.log(stdout.trim());
}
