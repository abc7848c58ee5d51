/** Symmetric operators on parameter space, given by their products with k vectors at once. */
package dynaxx.operator;
