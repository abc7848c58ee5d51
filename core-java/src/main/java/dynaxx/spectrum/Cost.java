package dynaxx.spectrum;

/**
 * How many products and forms a measurement used.
 *
 * @param products Hessian-vector products
 * @param forms quadratic forms
 * @param sweeps calls in which they came together
 * @param forms64 quadratic forms in float64
 */
public record Cost(int products, int forms, int sweeps, int forms64) {

  /**
   * The work in gradients over the same examples, counted in matrix products: 2 for a product, 1
   * for a form, 2 (of float64) for a form in float64, which records its own passes.
   *
   * @return gradients of the same work
   */
  public double gradientEquivalents() {
    return 2.0 * products + forms + 2.0 * forms64;
  }
}
