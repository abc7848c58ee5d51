/**
 * Curvature over data that lie on many machines: {@link dynaxx.spark.SparkHessian} is the Hessian
 * of a loss over the examples of an RDD, for every estimator of dynaxx.
 */
package dynaxx.spark;
