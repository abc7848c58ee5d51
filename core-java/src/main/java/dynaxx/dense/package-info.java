/** Small dense eigenproblems in float64 on the host, for the operators and estimators here. */
package dynaxx.dense;
