/**
 * Large networks in the simulator: real nodes and codecs, virtual time. Not part of `npm run bench`, which times
 * single operations: `npx tsx --tsconfig tsconfig.dist.json bench/sim.ts [--spokes N] [--hours H] [--restart N]`.
 *
 * The first run: a hub and its spokes at 1 % loss with three flows each. At the end all are registered, every shortcut
 * stands, and the messages are as many as the timers and the loss make them, within 20 %.
 * The second: what a restart of the hub does to the rate of registrations.
 */
import { parseArgs } from 'node:util';
import { Simulation } from 'dmvpn/testing';

const { values } = parseArgs({
  options: {
    spokes: { type: 'string', default: '1000' },
    hours: { type: 'string', default: '2' },
    restart: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '7' },
  },
});

const LOSS = 0.01;
const FLOWS_EACH = 3;
const FLOW_EVERY_MS = 60_000;
const HOLDING_SECONDS = 600;
const TOLERANCE = 0.2;
const LIMIT_SECONDS = 60;

/** Every check is told; one that fails makes the exit code 1. */
function check(what: string, holds: boolean): void {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}`);
  if (!holds) process.exitCode = 1;
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** What the timers ask for, and repeats for what is lost on one of the legs. */
function expectedMessages(spokes: number, seconds: number): number {
  const arrives = 1 - LOSS;
  const registrations = (spokes * (1 + seconds / (HOLDING_SECONDS / 3))) / arrives ** 2;
  const renewals = Math.floor(seconds / ((HOLDING_SECONDS * 2) / 3));
  const resolutions = (spokes * FLOWS_EACH * (1 + renewals)) / arrives ** 3;
  const redirects = (spokes * FLOWS_EACH) / arrives;
  const perRegistration = 1 + arrives; // request, reply
  const perResolution = 1 + arrives + arrives ** 2; // request, the hub's, reply
  return registrations * perRegistration + resolutions * perResolution + redirects;
}

function flows(spokes: number, hours: number): void {
  const start = cpuSeconds();
  const wall = process.hrtime.bigint();
  const sim = new Simulation({
    seed: values.seed,
    link: { loss: LOSS },
    dropEvents: false,
    tunnel: { holdingTimeSeconds: HOLDING_SECONDS },
  });
  sim.hub('hub');
  for (let n = 1; n <= spokes; n++) sim.spoke(`s${n}`);
  const lanOf = (n: number) => sim.blueprint.lan(((n - 1) % spokes) + 1)?.split('/')[0] ?? '';
  const all = [];
  for (let n = 1; n <= spokes; n++)
    for (let to = 1; to <= FLOWS_EACH; to++)
      all.push(sim.flow(`s${n}`, lanOf(n + to), { everyMs: FLOW_EVERY_MS }));
  sim.run({ untilMs: hours * 3_600_000 });

  const names = Array.from({ length: spokes }, (_, i) => `s${i + 1}`);
  const shortcuts = names.reduce((sum, name) => sum + sim.shortcuts(name).length, 0);
  const count = sim.messages();
  const messages = Object.values(count).reduce((sum, n) => sum + n, 0) - count.forwarded; // counted where they were sent on
  const expected = expectedMessages(spokes, hours * 3_600);
  const sent = all.reduce((sum, f) => sum + f.sent, 0);
  const received = all.reduce((sum, f) => sum + f.received, 0);
  const seconds = cpuSeconds() - start;
  const wallSeconds = Number(process.hrtime.bigint() - wall) / 1e9;
  console.log(
    `${spokes} spokes, ${hours} h, seed ${values.seed}: ${sim.steps} steps, ` +
      `${seconds.toFixed(1)} s of processor time, ${wallSeconds.toFixed(1)} s`,
  );
  check(
    `${sim.registered('hub').length} of ${spokes} registered`,
    sim.registered('hub').length === spokes,
  );
  check(`${shortcuts} of ${spokes * FLOWS_EACH} shortcuts`, shortcuts === spokes * FLOWS_EACH);
  const ratio = messages / expected;
  check(
    `${messages} messages, ${Math.round(expected)} computed: ${ratio.toFixed(3)}`,
    Math.abs(ratio - 1) <= TOLERANCE,
  );
  check(`${received} of ${sent} packets of flows arrived`, received / sent > 1 - 3 * LOSS);
  check(`under ${LIMIT_SECONDS} s of processor time`, seconds < LIMIT_SECONDS);
}

/**
 * Registrations that the hub answers after an outage of 30 s, in windows of ten seconds. Within the first second there
 * are more: retries after 1, 2, 4 … s bring as many from each step of the ladder; that peak is shown, and not judged.
 */
function restart(spokes: number): void {
  const interval = 100_000; // a third of 300 s
  const sim = new Simulation({ seed: values.seed, dropEvents: false }).hub('hub');
  for (let n = 1; n <= spokes; n++) {
    sim.spoke(`s${n}`, {}, { lan: [] });
    sim.run({ untilMs: (n * interval) / spokes });
  }
  sim.run({ forMs: 3 * interval });
  sim.kill('hub').run({ forMs: 30_000 }).restart('hub');
  const perSecond: number[] = [];
  let before = 0;
  for (let second = 0; second < (1.1 * interval) / 1_000; second++) {
    sim.run({ forMs: 1_000 });
    const now = sim.messages('hub').registrationReplies;
    perSecond.push(now - before);
    before = now;
  }
  const mean = perSecond.reduce((a, b) => a + b, 0) / perSecond.length;
  const windows = perSecond
    .map((_, i) => perSecond.slice(i, i + 10))
    .filter((w) => w.length === 10);
  const peak = Math.max(...windows.map((w) => w.reduce((a, b) => a + b, 0) / 10));
  const registered = sim.registered('hub').length;
  console.log(
    `${spokes} spokes, hub away for 30 s: ${Math.max(...perSecond)} in the busiest second`,
  );
  check(`${registered} of ${spokes} are back`, registered === spokes);
  check(
    `peak ${peak.toFixed(0)} a second over ten, mean ${mean.toFixed(0)}: ${(peak / mean).toFixed(2)}`,
    peak <= 3 * mean,
  );
}

flows(Number(values.spokes), Number(values.hours));
if (Number(values.restart) > 0) restart(Number(values.restart));
