/**
 * Seeded random numbers: the same seed gives the same numbers on every machine.
 * Generator: xoshiro128** (Blackman and Vigna, ACM TOMS 47, 2021), seeded by splitmix32 so that seeds 0, 1, 2 … give
 * unrelated streams.
 */
export class RandomGenerator {
  private readonly state: Uint32Array<ArrayBuffer>;
  private spare: number | null = null;

  /** @param seed any integer; its low 32 bits and the next 21 are used */
  constructor(seed: number) {
    let counter = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b1);
    this.state = Uint32Array.from({ length: 4 }, () => {
      counter = (counter + 0x9e3779b9) >>> 0;
      let z = counter;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return z ^ (z >>> 16);
    });
  }

  /** An integer, uniform over 0 … 2³² − 1. */
  bits(): number {
    const s = this.state;
    const scrambled = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return scrambled;
  }

  /** Uniform over [0, 1), with 53 random bits. */
  uniform(): number {
    return (this.bits() * 2 ** 21 + (this.bits() >>> 11)) * 2 ** -53;
  }

  /** Uniform over the integers 0 … below − 1; `below` up to 2³². */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** Standard normal, by the polar method (Marsaglia and Bray, SIAM Review 6, 1964). */
  normal(): number {
    if (this.spare !== null) {
      const value = this.spare;
      this.spare = null;
      return value;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const squares = x * x + y * y;
      if (squares === 0 || squares >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(squares)) / squares);
      this.spare = y * factor;
      return x * factor;
    }
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
