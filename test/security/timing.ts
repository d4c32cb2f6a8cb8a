/**
 * Does the time of a function tell which of two classes its input is of? After dudect (Reparaz, Balasch, Verbauwhede,
 * "Dude, is my code constant time?", 2017): both classes by chance and interleaved, Welch's t of the two samples, once
 * for all measurements and once each for those below some percentiles, which sorts out interruptions and the collector.
 */

export interface Subject {
  /** Puts an input of that class where `run` finds it, by the same steps and in the same place for both. Not measured. */
  readonly prepare: (inputClass: 0 | 1) => void;
  /** What is measured. */
  readonly run: () => boolean;
}

/** A text that differs from `right` in the places of one mask or of the other, each written octet by octet. */
export function inputOf(
  place: Uint8Array,
  right: Uint8Array,
  masks: readonly [Uint8Array, Uint8Array],
): Subject['prepare'] {
  return (inputClass) => {
    const mask = masks[inputClass];
    for (let i = 0; i < right.length; i++) place[i] = (right[i] as number) ^ (mask[i] as number);
  };
}

export interface Settings {
  readonly samples: number;
  /** A sample is so many calls: a clock is slower than a comparison. */
  readonly callsPerSample: number;
}

/** |t| from which dudect takes the difference for real. */
export const LEAK_T = 4.5;

const PERCENTILES = [0.5, 0.75, 0.9, 0.99];
const CALIBRATION_SAMPLES = 10_000;

/** How the two classes differ. */
export interface Difference {
  /** The largest |t| of all crops. */
  readonly t: number;
  /** Of the means of a call, in the crop at the median, nanoseconds. */
  readonly ns: number;
}

export function leakage(subject: Subject, settings: Settings): Difference {
  sample(subject, settings, CALIBRATION_SAMPLES, () => {}); // compiled, and warm
  const times: number[] = [];
  sample(subject, settings, CALIBRATION_SAMPLES, (_, ns) => times.push(ns));
  times.sort((a, b) => a - b);
  const crops = PERCENTILES.map((p) => times[Math.floor(p * times.length)] ?? 0);
  const moments = [...crops, 0].map(() => [new Moments(), new Moments()] as const);
  const whole = moments[crops.length] as (typeof moments)[0];
  sample(subject, settings, settings.samples, (inputClass, ns) => {
    whole[inputClass].add(ns);
    for (let i = crops.length - 1; i >= 0 && ns <= (crops[i] as number); i--)
      (moments[i] as typeof whole)[inputClass].add(ns);
  });
  const [low, high] = moments[0] as typeof whole;
  const ns = Math.abs(low.mean - high.mean) / settings.callsPerSample;
  return { t: Math.max(...moments.map(([a, b]) => Math.abs(welchT(a, b)))), ns };
}

/** The quietest of at most `tries` runs: a real difference shows in each, one that a busy machine made does not. */
export function quietest(subject: Subject, settings: Settings, tries = 3): Difference {
  let best = leakage(subject, settings);
  for (let i = 1; i < tries && best.t >= LEAK_T; i++) {
    const again = leakage(subject, settings);
    if (again.t < best.t) best = again;
  }
  return best;
}

/** Outcomes are kept without a branch on them. */
const outcomes: boolean[] = new Array(256).fill(false);

function sample(
  { prepare, run }: Subject,
  { callsPerSample }: Settings,
  samples: number,
  take: (inputClass: 0 | 1, ns: number) => void,
): void {
  const chance = new Uint8Array(60_000);
  for (let i = 0; i < samples; i++) {
    const at = i % chance.length;
    if (at === 0) crypto.getRandomValues(chance); // the same again would count what happened to meet it as many samples
    const inputClass = ((chance[at] as number) & 1) as 0 | 1;
    prepare(inputClass);
    const began = performance.now();
    for (let call = 0; call < callsPerSample; call++) outcomes[call & 255] = run();
    take(inputClass, (performance.now() - began) * 1e6);
  }
}

/** Count, mean and variance as they come (Welford). */
class Moments {
  count = 0;
  mean = 0;
  #squares = 0;

  add(value: number): void {
    const delta = value - this.mean;
    this.mean += delta / ++this.count;
    this.#squares += delta * (value - this.mean);
  }

  get variance(): number {
    return this.#squares / (this.count - 1);
  }
}

function welchT(a: Moments, b: Moments): number {
  if (a.count < 100 || b.count < 100) return 0;
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);
}
