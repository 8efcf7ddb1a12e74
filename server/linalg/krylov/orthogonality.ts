/**
 * How orthogonal the newest Lanczos vectors are to the earlier ones, without a product with any of them: the recurrence of
 * Simon (Linear Algebra Appl. 61, 1984) for ω_{j,i} = vⱼ·vᵢ from the
 * coefficients of the iteration. It follows the way by which rounding grows as values converge.
 */
export class OrthogonalityEstimate {
  private before = new Float64Array(0);
  private current = Float64Array.of(1);

  /** @param noise part of a product that is rounding, along one direction, relative to the operator's norm */
  constructor(private readonly noise: number) {}

  /**
   * Takes the coefficients α₀ … αⱼ, β₀ … βⱼ of the tridiagonal matrix, of which the last has made v_{j+1}.
   * @param norm of the operator, or what is known of it
   * @returns the largest |ω_{j+1,i}|, i < j
   */
  advance(alpha: readonly number[], beta: readonly number[], norm: number): number {
    const j = alpha.length - 1;
    const next = new Float64Array(j + 2);
    const floor = this.noise * Math.max(1, norm / beta[j]);
    let largest = 0;
    for (let i = 0; i < j; i++) {
      const grown = beta[i] * this.current[i + 1] + (alpha[i] - alpha[j]) * this.current[i] + (i > 0 ? beta[i - 1] * this.current[i - 1] : 0) - beta[j - 1] * this.before[i];
      next[i] = grown / beta[j] + Math.sign(grown) * floor;
      largest = Math.max(largest, Math.abs(next[i]));
    }
    next[j] = floor;
    next[j + 1] = 1;
    this.before = this.current;
    this.current = next;
    return largest;
  }

  /** The newest vector has been made orthogonal to all others. */
  reset(): void {
    this.current.fill(this.noise, 0, this.current.length - 1);
  }
}
