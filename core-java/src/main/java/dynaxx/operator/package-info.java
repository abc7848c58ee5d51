/**
 * Symmetric matrices over the parameters, given by their products with k vectors at once: the
 * Hessian, the Gauss-Newton and the empirical Fisher matrix of a network, or your own product.
 *
 * <pre>{@code
 * try (Hessian hessian = new Hessian(network, loss, batch, device)) {
 *   hessian.linearize(parameters);
 *   hessian.apply(v, hv);                                   // k Hessian-vector products
 * }
 * SymmetricOperator own = SymmetricOperator.ofArrays(n, device, model::hessianVectorProduct);
 * }</pre>
 */
package dynaxx.operator;
